"""Three nodes, of which one has no column, or table, that the others have: what it cannot keep arrives when it can."""

from __future__ import annotations

import datetime

import pytest
from django.db import connections

from synchro_triggers.capture import install
from synchro_triggers.conf import LOCAL
from synchro_triggers.replay.pruning import prune
from tests.nodes.nodes import MESH, STAR
from tests.testapp.models import Item

ONE_WAY = (("a", "b"), ("b", "c"))


def execute(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


def alter(nodes, alias, change):
    install.uninstall(alias)
    execute(alias, f"ALTER TABLE testapp_item {change}")
    with nodes.turn_of(alias, *{"a", "b", "c"} - {alias}):
        install.install(LOCAL)


def items(alias):
    return sorted(Item._base_manager.using(alias).values_list("name", "cash"))


def on(alias, name):
    return Item._base_manager.using(alias).filter(name=name)


@pytest.mark.parametrize("pairs", [STAR, MESH, ONE_WAY], ids=["star", "mesh", "one way"])
def test_hub_without_the_column_hands_it_on_once_it_has_it(nodes, pairs):
    for number in range(3):
        Item._base_manager.using("a").create(name=f"{number}", cash=1)
    nodes.rounds(pairs)
    alter(nodes, "b", "DROP COLUMN cash")
    on("a", "0").update(cash=2)
    on("a", "1").update(name="one", cash=3)
    Item._base_manager.using("a").create(name="new", cash=4)
    if pairs is not ONE_WAY:
        on("c", "2").update(cash=5)
    execute("b", "UPDATE testapp_item SET name = 'zero' WHERE name = '0'")
    nodes.rounds(pairs)
    alter(nodes, "b", "ADD COLUMN cash integer DEFAULT 0 NOT NULL")
    nodes.rounds(pairs)
    nodes.rounds(pairs)

    for alias in ("b", "c") if pairs is ONE_WAY else ("a", "b", "c"):
        assert items(alias) == [("2", 1 if pairs is ONE_WAY else 5), ("new", 4), ("one", 3), ("zero", 2)]
    assert not nodes.rounds(pairs)


@pytest.mark.parametrize("pairs", [STAR, MESH, ONE_WAY], ids=["star", "mesh", "one way"])
def test_hub_without_the_table_hands_it_on_once_it_has_it(nodes, pairs):
    for number in range(4):
        Item._base_manager.using("a").create(name=f"{number}", cash=1)
    nodes.rounds(pairs)
    alter(nodes, "b", "RENAME TO elsewhere")
    on("a", "0").update(cash=2)
    on("a", "1").delete()
    Item._base_manager.using("a").create(name="new", cash=4)
    if pairs is not ONE_WAY:
        on("c", "2").update(cash=5)
        on("c", "3").delete()
    nodes.rounds(pairs, 1)
    on("a", "new").update(cash=6)
    nodes.rounds(pairs, 1)
    execute("b", "ALTER TABLE elsewhere RENAME TO testapp_item")
    with nodes.turn_of("b", "a", "c"):
        install.install(LOCAL)
    nodes.rounds(pairs)

    one_way = pairs is ONE_WAY
    for alias in ("b", "c") if one_way else ("a", "b", "c"):
        assert items(alias) == [("0", 2), ("2", 1 if one_way else 5), *([("3", 1)] if one_way else []), ("new", 6)]
    assert not nodes.rounds(pairs)


def test_log_is_kept_for_the_one_of_two_remotes_that_has_no_table(nodes):
    for number in range(3):
        Item._base_manager.using("a").create(name=f"{number}", cash=1)
    nodes.rounds(MESH)
    alter(nodes, "b", "RENAME TO elsewhere")
    on("a", "0").delete()
    on("a", "1").update(cash=7)
    assert [each.name for each in nodes.run("a", "b").left_out] == ["testapp.Item"]
    assert not nodes.run("a", "c").left_out and items("c") == [("1", 7), ("2", 1)]
    with nodes.turn_of("a", "b", "c"):
        prune(datetime.timedelta(0))
    execute("b", "ALTER TABLE elsewhere RENAME TO testapp_item")
    with nodes.turn_of("b", "a", "c"):
        install.install(LOCAL)

    assert not nodes.run("a", "b").left_out

    assert items("b") == [("1", 7), ("2", 1)]
    with nodes.turn_of("a", "b", "c"):
        assert prune(datetime.timedelta(0)).rows > 0
    assert not nodes.rounds(MESH)
