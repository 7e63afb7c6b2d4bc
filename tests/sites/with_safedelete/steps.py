"""Books that go and come back."""

from __future__ import annotations

from typing import Any

from safedelete.models import HARD_DELETE

from tests.sites.with_safedelete.models import Author, Book, Shelf

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """An author with a book, and one that is gone."""
    author = Author.objects.create(name="old")
    Book.objects.create(title="old", author=author)
    Book.objects.create(title="gone", author=author).delete()


def create(who: str) -> None:
    """Authors with books, some of which are deleted at once."""
    for name in (f"first of {who}", f"second of {who}", f"third of {who}"):
        author = Author.objects.create(name=name)
        for n in range(3):
            Book.objects.create(title=f"{n} of {name}", author=author)
    Book.objects.get(title=f"1 of first of {who}").delete()
    Author.objects.get(name=f"third of {who}").delete()
    shelf = Shelf.objects.create(name=who)
    shelf.books.add(*Book.objects.filter(author__name=f"first of {who}"))


def change(who: str) -> None:
    """What the other side has deleted comes back; what is marked is edited; an author goes with all books."""
    other = OTHER[who]
    Book.all_objects.get(title=f"1 of first of {other}").undelete()
    marked = Book.all_objects.get(title=f"1 of third of {other}")
    marked.title += ", edited"
    marked.save(keep_deleted=True)
    Author.objects.get(name=f"second of {other}").delete()
    Book.objects.get(title=f"0 of first of {other}").delete()


def remove(who: str) -> None:
    """An author comes back with the books, another goes for good, and a shelf."""
    other = OTHER[who]
    Author.all_objects.get(name=f"second of {other}").undelete()
    Author.all_objects.get(name=f"third of {other}").delete(force_policy=HARD_DELETE)
    Book.all_objects.get(title=f"2 of first of {other}").delete(force_policy=HARD_DELETE)
    Shelf.objects.get(name=other).delete()


def told() -> dict[str, Any]:
    """Return which books each author has, and which are marked as deleted."""
    return {
        author.name: [
            str(author.deleted),
            sorted(f"{book.title} {book.deleted} {book.deleted_by_cascade}" for book in _books(author)),
        ]
        for author in Author.all_objects.all()
    } | {f"shelf {shelf.name}": sorted(book.title for book in shelf.books.all()) for shelf in Shelf.objects.all()}


def _books(author: Author) -> Any:
    return Book.all_objects.filter(author=author)
