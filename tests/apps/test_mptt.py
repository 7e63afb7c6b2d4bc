"""Trees of django-mptt: nested sets that ``save()`` and ``delete()`` keep, with bulk SQL."""

from __future__ import annotations

import pytest

from tests.databases import both
from tests.shapes.sides import LOCAL, REMOTE, synchronize_and_compare
from tests.usingapp.models import Genre

pytestmark = both

CAPTURED = ("usingapp.Genre",)


def outline(alias: str = REMOTE) -> list[tuple[int, str]]:
    """Return level and name of every node in the order of the tree."""
    return list(Genre._base_manager.using(alias).order_by("tree_id", "lft").values_list("level", "name"))


def genre(name: str) -> Genre:
    return Genre.objects.get(name=name)


@pytest.fixture
def forest() -> None:
    """The tree a(a1(a11), a2), b(b1), c on both sides."""
    for parent, name in ((None, "a"), ("a", "a1"), ("a1", "a11"), ("a", "a2"), (None, "b"), ("b", "b1"), (None, "c")):
        Genre.objects.create(name=name, parent=parent and genre(parent))
    synchronize_and_compare(Genre)
    assert outline() == [(0, "a"), (1, "a1"), (2, "a11"), (1, "a2"), (0, "b"), (1, "b1"), (0, "c")]


@pytest.mark.usefixtures("forest")
def test_nodes_are_added_between_others():
    Genre.objects.insert_node(Genre(name="a0"), genre("a1"), "left", save=True)
    Genre.objects.create(name="c1", parent=genre("c"))
    Genre.objects.create(name="a111", parent=genre("a11"))
    synchronize_and_compare(Genre)

    assert outline()[:5] == [(0, "a"), (1, "a0"), (1, "a1"), (2, "a11"), (3, "a111")]


@pytest.mark.usefixtures("forest")
def test_subtrees_are_moved():
    genre("a1").move_to(genre("b"), "first-child")
    synchronize_and_compare(Genre)
    assert outline()[2:6] == [(0, "b"), (1, "a1"), (2, "a11"), (1, "b1")]

    moved = genre("c")
    moved.parent = genre("a2")
    moved.save()
    genre("b").move_to(genre("a"), "left")
    synchronize_and_compare(Genre)
    assert outline() == [(0, "b"), (1, "a1"), (2, "a11"), (1, "b1"), (0, "a"), (1, "a2"), (2, "c")]


@pytest.mark.usefixtures("forest")
def test_subtrees_are_deleted():
    genre("a1").delete()
    synchronize_and_compare(Genre)
    assert outline() == [(0, "a"), (1, "a2"), (0, "b"), (1, "b1"), (0, "c")]

    genre("a").delete()
    genre("b1").delete()
    synchronize_and_compare(Genre)
    assert outline() == [(0, "b"), (0, "c")]


@pytest.mark.usefixtures("forest")
def test_everything_at_once():
    genre("a2").delete()
    Genre.objects.create(name="a12", parent=genre("a1"))
    genre("b1").move_to(genre("a1"), "first-child")
    Genre.objects.filter(name="c").update(name="renamed")
    synchronize_and_compare(Genre)

    assert outline() == outline(LOCAL)


@pytest.mark.usefixtures("forest")
def test_tree_is_rebuilt():
    Genre.objects.filter(name="a1").update(parent=genre("c"))
    Genre.objects.rebuild()
    synchronize_and_compare(Genre)

    assert outline() == [(0, "a"), (1, "a2"), (0, "b"), (1, "b1"), (0, "c"), (1, "a1"), (2, "a11")]


def test_tree_that_was_built_without_updates_arrives():
    with Genre.objects.delay_mptt_updates():
        for number in range(6):
            parent = Genre.objects.filter(name=f"node {number // 2}").first() if number else None
            Genre.objects.create(name=f"node {number}", parent=parent)
    synchronize_and_compare(Genre)

    assert outline() == outline(LOCAL) and len(outline()) == 6


@pytest.mark.usefixtures("forest")
def test_own_save_and_delete_of_a_project_are_called(monkeypatch):
    called = []

    def save(self, *args, using=None, **kwargs):
        called.append(("save", self.name, using))
        super(Genre, self).save(*args, using=using, **kwargs)

    def delete(self, *args, using=None, **kwargs):
        called.append(("delete", self.name, using))
        return super(Genre, self).delete(*args, using=using, **kwargs)

    monkeypatch.setattr(Genre, "save", save)
    monkeypatch.setattr(Genre, "delete", delete)
    Genre.objects.filter(name="c").update(name="renamed")
    Genre.objects.get(name="b1").delete()
    called.clear()

    synchronize_and_compare(Genre)

    assert {call for call in called if call[1] in ("renamed", "b1")} == {
        ("save", "renamed", REMOTE),
        ("delete", "b1", REMOTE),
    }


@pytest.mark.usefixtures("forest")
def test_tree_on_the_remote_is_still_kept_by_mptt_outside_of_runs():
    Genre.objects.filter(name="c").update(name="renamed")
    synchronize_and_compare(Genre)

    parent = Genre.objects.using(REMOTE).get(name="a1")
    Genre(name="a12", parent=parent).save(using=REMOTE)
    Genre.objects.using(REMOTE).get(name="a2").delete()

    assert outline()[:4] == [(0, "a"), (1, "a1"), (2, "a11"), (2, "a12")]
    assert list(Genre.objects.using(REMOTE).filter(name__in=["a", "a1"]).values_list("name", "lft", "rght")) == [
        ("a", 1, 8),
        ("a1", 2, 7),
    ]
