"""Which names lead to one database, and what tells a database from its copy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper

from synchro_triggers.replay.log.history import fingerprint, place
from tests.databases import both
from tests.other_engine.base import DatabaseWrapper as OtherEngine
from tests.replay.logs import on_postgres
from tests.safety.story import LOCAL

pytestmark = both


def test_two_databases_are_at_two_places_and_each_stays_at_its_own():
    assert place(LOCAL) == place(LOCAL) != place("remote")
    assert fingerprint(LOCAL) == fingerprint(LOCAL) != fingerprint("remote")


@on_postgres
def test_database_under_another_name_is_at_one_place(monkeypatch):
    """A pooler may have names of its own for hosts and databases."""
    before = place(LOCAL)

    for setting in ("HOST", "NAME"):
        monkeypatch.setitem(connection.settings_dict, setting, "another")

    assert place(LOCAL) == before


@contextmanager
def sqlite_at(name: object, engine: type[DatabaseWrapper] = DatabaseWrapper) -> Iterator[str]:
    """Yield an alias of a SQLite database of this name."""
    alias = f"other {next(_numbers)}"
    opened = engine({**connection.settings_dict, "NAME": str(name)}, alias)
    connections[alias] = opened
    try:
        yield alias
    finally:
        BaseDatabaseWrapper.close(opened)  # SQLite's own leaves what is in memory open
        del connections[alias]


_numbers = itertools.count()


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("form", ["{}", "file:{}?cache=private", "file://{}", "link"])
def test_file_is_one_place_under_any_name(form, tmp_path):
    path = tmp_path / "one.sqlite3"
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "another").touch()

    with (
        sqlite_at(path) as one,
        sqlite_at(tmp_path / "link" if form == "link" else form.format(path)) as same,
        sqlite_at(tmp_path / "another") as another,
    ):
        assert place(one) == place(same) != place(another)
        assert fingerprint(one) == fingerprint(same) != fingerprint(another) != ""


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (":memory:", ":memory:", False),
        ("file:a?mode=memory", "file:a?mode=memory", False),
        ("file:a?mode=memory&cache=shared", "file:a?cache=shared&mode=memory", True),
        ("file::memory:?cache=shared", "file::memory:?cache=shared", True),
        ("file:a?mode=memory&cache=shared", "file:b?mode=memory&cache=shared", False),
    ],
)
def test_databases_in_memory_are_one_if_they_share_a_name(one, other, expected):
    with sqlite_at(one) as first, sqlite_at(other) as second:
        with connections[first].cursor() as cursor:
            cursor.execute("CREATE TABLE told (told)")
        shared = "told" in connections[second].introspection.table_names()

        assert (place(first) == place(second)) is shared is expected
        assert fingerprint(first) == "", "nothing tells it from a copy"


@pytest.mark.vendor("sqlite")
def test_file_that_was_taken_away_is_not_taken_for_another_one(tmp_path):
    with sqlite_at(tmp_path / "one.sqlite3") as one, sqlite_at(tmp_path / "two.sqlite3") as two:
        assert place(one) != place(two)
        (tmp_path / "one.sqlite3").unlink()

        assert fingerprint(one) == "" and place(one) != place(two)


@pytest.mark.vendor("sqlite")
def test_remote_without_capture_is_never_where_local_is(tmp_path):
    with sqlite_at(tmp_path / "one", OtherEngine) as one, sqlite_at(tmp_path / "two", OtherEngine) as two:
        assert place(one) == place(one) != place(two)
        assert place(one) != place(LOCAL)
        assert fingerprint(one) == "", "nothing tells it from a copy"
