"""Foreign keys to keys that Python cannot look up: such an object is kept and says why; all others arrive."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.models import Failure
from tests.databases import both
from tests.fieldapp.models import (
    ArrayKeyed,
    ArrayPointer,
    Hook,
    JsonCoded,
    JsonCodePointer,
    JsonHanger,
    JsonKeyed,
    JsonLinked,
    JsonPointer,
    ListHanger,
    ListKeyed,
    ListPointer,
    ListProtector,
    PointerToPointer,
)
from tests.shapes.sides import LOCAL, REMOTE, execute

pytestmark = [both, pytest.mark.thinned("*")]

#: Those that point, the table and column that they point to, and SQL of keys there.
KINDS: dict[str, tuple[Any, Any, str, list[str]]] = {
    "json": (JsonPointer, JsonKeyed, "id", ["""'{"a": [1, 2]}'""", "'[1]'", "'7'", """'"text"'"""]),
    "own": (ListPointer, ListKeyed, "id", ["'a,b'"]),
    "to_field": (JsonCodePointer, JsonCoded, "code", ["'[1]'", "'7'"]),
}


@pytest.fixture(params=["json", "own", "to_field", "array"])
def kind(request: Any, vendor: Any, capture_only: Any) -> tuple[Any, Any, str, list[str]]:
    if request.param == "array" and "sqlite" in (vendor.local, vendor.remote):
        pytest.skip("there are no arrays in SQLite")
    found = (ArrayPointer, ArrayKeyed, "id", ["'{1,2}'"]) if request.param == "array" else KINDS[request.param]
    capture_only(found[0])
    return found


def insert(kind: tuple[Any, Any, str, list[str]], alias: str = LOCAL) -> None:
    pointer, target, column, keys = kind
    into = f"INSERT INTO {pointer._meta.db_table}"  # with the same numbers on both sides: sequences may be anywhere
    for number, sql in enumerate(keys):
        execute(f"INSERT INTO {target._meta.db_table} ({column}, name) VALUES ({sql}, 'target')", alias=alias)
        execute(f"{into} (id, name, target_id) VALUES ({1001 + number}, 'odd {number}', {sql})", alias=alias)
    for number in range(3):
        execute(f"{into} (id, name) VALUES ({1011 + number}, 'healthy {number}')", alias=alias)


def names(model: Any, alias: str = REMOTE) -> list[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT name FROM {model._meta.db_table} ORDER BY name")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("full", [False, True])
def test_it_is_kept_with_a_reason_and_the_others_arrive(kind, way, full):
    pointer, target, _, keys = kind
    if full:
        with synchro_paused():
            insert(kind)
    else:
        insert(kind)

    for _ in range(2):
        report = synchronize(full=full)

        assert {failure.model for failure in report.failures} == {pointer._meta.label}
        assert len(report.failures) == len(keys)
        for failure in report.failures:
            assert "TypeError" not in failure.error
            assert "target" in failure.error and target._meta.label in failure.error
            assert "no object can be found by" in failure.error
        assert names(pointer) == [f"healthy {number}" for number in range(3)]
    assert synchronize(dry_run=True).failed == len(keys)

    pointer._base_manager.update(target=None)
    assert synchronize().failures == []
    assert names(pointer) == names(pointer, LOCAL)
    assert not Failure.objects.using(REMOTE).exists()


def test_it_is_deleted_where_both_sides_have_it(kind, way):
    pointer, *_ = kind
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            insert(kind, alias)
    call_command("synchro_link", trust_keys=True, verbosity=0)

    execute(f"DELETE FROM {pointer._meta.db_table} WHERE name LIKE 'odd%%'")

    assert synchronize().failures == []
    assert names(pointer) == [f"healthy {number}" for number in range(3)]


def test_import_of_both_sides_is_linked_by_its_values(kind):
    pointer, _, _, keys = kind
    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            insert(kind, alias)

    call_command("synchro_link", verbosity=0)
    execute(f"UPDATE {pointer._meta.db_table} SET name = name || '!'")
    report = synchronize()

    assert (report.updated, report.created, report.failed) == (3, 0, len(keys))


def test_what_brings_such_an_object_along_is_kept_too(capture_only, way):
    capture_only(PointerToPointer)
    insert(KINDS["json"])
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("SELECT min(id) FROM fieldapp_jsonpointer WHERE name LIKE 'odd%%'")
        [[key]] = cursor.fetchall()
    PointerToPointer.objects.create(name="through", target_id=key)
    PointerToPointer.objects.create(name="to nothing")

    report = synchronize()

    [failure] = report.failures
    assert failure.model == PointerToPointer._meta.label and "fieldapp.JsonPointer" in failure.error
    assert "TypeError" not in failure.error and "no object can be found by" in failure.error
    assert names(PointerToPointer) == ["to nothing"]


def test_links_to_such_a_key_are_kept_and_others_arrive(capture_only, way):
    capture_only(JsonLinked)
    execute("INSERT INTO fieldapp_jsonkeyed (id, name) VALUES ('[1]', 'target')")
    owner = JsonLinked.objects.create(name="owner")
    execute(f"INSERT INTO fieldapp_jsonlinked_targets (jsonlinked_id, jsonkeyed_id) VALUES ({owner.pk}, '[1]')")

    for _ in range(2):
        [failure] = synchronize().failures
        assert failure.model == JsonLinked.targets.through._meta.label
        assert "TypeError" not in failure.error and "jsonkeyed" in failure.error
        assert names(JsonLinked) == ["owner"]

    execute("DELETE FROM fieldapp_jsonlinked_targets")
    assert [failure.error for failure in synchronize().failures if "TypeError" in failure.error] == []


HANGERS = {
    "own": (ListHanger, "'a,b'", "['a', 'b']"),
    "json": (JsonHanger, "'[1, 2]'", "[1, 2]"),
    "with a part": (JsonHanger, "'[1, 2]'", "[1, 2]"),
    "protecting": (ListProtector, "'a,b'", "['a', 'b']"),
}


@pytest.mark.parametrize("hanger", list(HANGERS))
def test_what_has_such_a_key_is_not_taken_along_and_that_is_told(capture_only, way, hanger):
    """Nobody can tell whether LOCAL still has it."""
    model, sql, key = HANGERS[hanger]
    capture_only(Hook)
    hooks = [Hook.objects.create(name=f"hook {number}") for number in range(3)]
    synchronize()
    there = Hook.objects.using(REMOTE).get(name="hook 1").pk
    with synchro_paused(using=REMOTE):
        into = f"INSERT INTO {model._meta.db_table} (id, name, hook_id) VALUES ({sql}, 'theirs', {there})"
        execute(into, alias=REMOTE)
        if hanger == "with a part":
            execute(f"INSERT INTO fieldapp_jsonhangerpart (name, hanger_id) VALUES ('part', {sql})", alias=REMOTE)
    for hook in hooks:
        hook.delete()

    for _ in range(2):
        dry, report = synchronize(dry_run=True), synchronize()

        [failure] = report.failures
        assert failure.model == Hook._meta.label and "TypeError" not in failure.error
        assert all(text in failure.error for text in (model._meta.label, key, "'remote'"))
        assert dry.failed == 1 and names(Hook) == ["hook 1"] and names(model) == ["theirs"]

    for table in ("fieldapp_jsonhangerpart", model._meta.db_table):
        execute(f"DELETE FROM {table}", alias=REMOTE)
    assert synchronize().failures == [] and names(Hook) == []
