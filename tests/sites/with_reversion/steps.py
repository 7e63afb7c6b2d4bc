"""What librarians do whose work is kept in versions."""

from __future__ import annotations

from typing import Any

import reversion
from django.contrib.auth.models import User
from django.test import Client
from reversion.models import Revision, Version

from tests.sites.with_reversion.library.models import Atlas, Author, Book, Chapter

FORMS = {"chapter_set-TOTAL_FORMS": "0", "chapter_set-INITIAL_FORMS": "0"}


def main_begins() -> None:
    """A librarian, an author, a book with a version."""
    User.objects.create_superuser("ann", "ann@example.com", "secret")
    author = Author.objects.create(name="Hesse")
    _post("add/", title="Demian", author=author.pk)


def main_goes_on(title: str) -> None:
    """Main's librarians work too, so that both sides give out the same numbers."""
    author = Author.objects.create(name=f"of {title}")
    User.objects.create_user(title)
    _post("add/", title=title, author=author.pk)
    with reversion.create_revision():
        book = Book.objects.get(title=title)
        reversion.add_to_revision(book)
        reversion.add_to_revision(Chapter.objects.create(book=book, title=title))


def write_books() -> None:
    """New books with chapters, readers and versions; an atlas, whose version has two rows."""
    author, reader = Author.objects.create(name="Kafka"), User.objects.create_user("reader")
    chapters = {"chapter_set-TOTAL_FORMS": "1", "chapter_set-0-title": "Arrest"}
    _post("add/", title="Trial", author=author.pk, readers=[reader.pk], **{**FORMS, **chapters})
    trial = Book.objects.get(title="Trial")
    _post(f"{trial.pk}/change/", title="The Trial", author=author.pk, readers=[reader.pk])
    with reversion.create_revision():
        reversion.set_user(reader)
        reversion.set_comment("an atlas")
        Atlas.objects.create(title="World", author=author, scale=10)


def change_books() -> None:
    """Change what was there before, delete what is new, and go back to an older version."""
    demian = Book.objects.get(title="Demian")
    _post(f"{demian.pk}/change/", title="Demian, second edition", author=Author.objects.get(name="Kafka").pk)
    trial = Book.objects.get(title="The Trial")
    Version.objects.get_for_object(trial).last().revision.revert()
    Book.objects.get(title="World").delete()


def go_back() -> list[str]:
    """Put every book back to its first version; return what is there then."""
    for book in Book.objects.all():
        versions = Version.objects.get_for_object(book)
        if versions:
            versions.last().revision.revert()
    return sorted(f"{book.title} by {book.author.name} for {_names(book)}" for book in Book.objects.all())


def recover_atlas() -> list[Any]:
    """Bring the deleted atlas back from its version."""
    Version.objects.get_deleted(Atlas).get().revision.revert()
    atlas = Atlas.objects.get()
    return [atlas.title, atlas.author.name, atlas.scale]


def revisions() -> list[list[str]]:
    """Return who has made which versions of what."""
    return sorted(
        [revision.comment, str(revision.user or ""), *sorted(str(version) for version in revision.version_set.all())]
        for revision in Revision.objects.all()
    )


def _names(book: Book) -> list[str]:
    return sorted(user.username for user in book.readers.all())


def _post(path: str, **values: Any) -> None:
    client = Client()
    client.force_login(User.objects.get(username="ann"))
    answer = client.post(f"/admin/library/book/{path}", {**FORMS, **values})
    assert answer.status_code == 302, answer.context["errors"]
