"""What runs have noted is read as it was written, or not at all: a run that goes on from half of it would lose some."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Checkpoint, MetNode, Window
from tests.databases import both
from tests.managing import in_process
from tests.testapp.models import Item

pytestmark = both

LOCAL, REMOTE = "default", "remote"

NO_JSON = ["{not json", "[1", "{5}", "null", "\x7f'\"x"]
NO_MAPPING = [*NO_JSON, "[]", '{"a": 1}']
NO_POSITIONS = [*NO_JSON, "10:20", "ids:a"]

NOTES = {
    "position": NO_POSITIONS,
    "window_end": NO_POSITIONS,
    "lacks": [*NO_JSON, "{}", "[[1]]"],
    "unlogged": NO_MAPPING,
    "whole": NO_MAPPING,
    "left_out": NO_MAPPING,
}


def write_into(alias, model, column, text):
    with connections[alias].cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {column} = %s", [text])
        return cursor.rowcount


@pytest.fixture
def item():
    item = Item.objects.create(name="a")
    synchronize()
    Item.objects.update(cash=1)
    return item


@pytest.mark.parametrize("column", NOTES)
@pytest.mark.parametrize("number", range(5))
def test_run_is_refused_and_says_where_the_note_stands(item, column, number):
    text = NOTES[column][-1 - number]
    assert write_into(REMOTE, Checkpoint, column, text) == 1

    with pytest.raises(Refused) as refused:
        synchronize()

    assert repr(text) in str(refused.value) and "synchro_triggers_checkpoint" in str(refused.value)
    assert Item.objects.using(REMOTE).get().cash == 0
    for command in ("synchronize", "synchro_status"):
        said = in_process(command)
        assert "Traceback" not in said.stderr and said.returncode in (0, 3), said


@pytest.mark.parametrize("column", NOTES)
def test_advice_of_the_refusal_is_followed_and_everything_is_there(item, column):
    write_into(REMOTE, Checkpoint, column, "{not json")
    Item.objects.create(name="b")
    Item.objects.using(REMOTE).create(name="theirs")
    write_into(REMOTE, Checkpoint, column, "")

    said = in_process("synchronize", "--full", "--both")

    assert said.returncode == 0, said
    for alias in (LOCAL, REMOTE):
        found = Item.objects.using(alias).order_by("name").values_list("name", "cash")
        assert list(found) == [("a", 1), ("b", 0), ("theirs", 0)]
    assert not synchronize().changed


@pytest.mark.parametrize("model", [Window, MetNode])
@pytest.mark.parametrize("alias", [LOCAL, REMOTE])
def test_other_tables_positions_end_no_command_with_a_traceback(item, model, alias):
    write_into(alias, model, "position", "{not json")
    for command in (["synchronize", "--both"], ["synchronize"], ["synchro_status"], ["synchro_prune", "--keep", "1"]):
        said = in_process(*command)
        assert "Traceback" not in said.stderr and said.returncode in (0, 3), said

    if model is Window:
        Window.objects.using(alias).filter(position="{not json").delete()
    else:
        write_into(alias, model, "position", "")

    assert in_process("synchronize", "--full", "--both").returncode == 0
    assert Item.objects.using(REMOTE).get().cash == 1
