"""``log/field_versions.py``: each field of an object is compared by itself. No database."""

from __future__ import annotations

from synchro_triggers.replay.log.field_versions import (
    Apart,
    FieldVersion,
    compare_fields,
    fields_text,
    newest_of,
    read_fields,
)
from synchro_triggers.replay.log.versions import Version

A1, A2, B1, C1 = Version("a", 1, 10), Version("a", 2, 20), Version("b", 1, 15), Version("c", 1, 5)


def found(here, there, *, users=(), local_knows=(), remote_knows=()):
    return compare_fields(
        here,
        there,
        users=users,
        local_knows=lambda name: there[name] is None or name in local_knows,
        remote_knows=lambda name: name in remote_knows,
    )


def test_each_field_is_compared_by_itself():
    here = {"new": A2, "old": A1, "same": A1, "both": A1, "won": B1, "unwritten": A1}
    there = {"new": A1, "old": C1, "same": A1, "both": B1, "won": A1, "unwritten": None, "else": B1}

    apart = found(here, there, remote_knows={"old"})

    assert apart == Apart(
        frozenset({"new", "same", "unwritten"}), frozenset({"old"}), frozenset({"both", "won"}), frozenset({"won"})
    )


def test_what_the_log_does_not_tell_of_gives_way_to_what_was_received_but_is_a_conflict_with_users_there():
    here, there = {"one": None, "two": None, "three": None}, {"one": B1, "two": B1, "three": None}

    apart = found(here, there, users={"two"})

    assert apart == Apart(frozenset({"three"}), frozenset({"one"}), frozenset({"two"}), frozenset())


def test_what_local_has_seen_it_replaces():
    assert found({"x": A1}, {"x": B1}, local_knows={"x"}).mine == {"x"}


def test_text_tells_all_and_there_is_none_where_one_version_does():
    fields = {"name": FieldVersion(A1, 3), "city": FieldVersion(A1, 3), "cash": FieldVersion(None, None)}

    text = fields_text(fields)

    assert text is not None and dict(read_fields(text)) == fields
    assert fields_text({"name": FieldVersion(A1, 3), "city": FieldVersion(A1, 3)}) is None
    assert fields_text({"name": FieldVersion(A1, 3), "city": FieldVersion(A1, 4)}) is not None


def test_newest_is_that_of_the_latest_time():
    assert newest_of([A1, None, A2, B1]) == A2
    assert newest_of([None]) is None and newest_of([]) is None
