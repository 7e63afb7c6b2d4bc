"""Rows that keep their keys move the remote's sequence on: forward only, in its own steps, whoever else inserts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from django.db import connection, connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.replay.rows.postgres_sequences import Sequence
from synchro_triggers.replay.rows.vendor import statements_of
from tests.databases import both, both_committed
from tests.replay.hearing import hearing
from tests.testapp.models import Item

REMOTE = "remote"
TABLE = Item._meta.db_table


@pytest.fixture(autouse=True)
def keys_are_kept(settings: Any) -> None:
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"identity": "pk"}}


def on_remote(sql: str, *params: object) -> None:
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(sql, params or None)


def next_keys(number: int) -> list[int]:
    return [Item.objects.using(REMOTE).create(name="the remote's own").pk for _ in range(number)]


@contextmanager
def batch_signals(settings: Any):
    settings.SYNCHRO_BATCH_SIGNALS = True
    with hearing(Item):
        yield


WAYS: dict[str, Callable[[Any], Any]] = {
    "in bulk": lambda settings: nullcontext(),
    "one by one": lambda settings: hearing(Item),
    "a batch of signals": batch_signals,
}


@pytest.mark.parametrize(
    ("last", "called", "step", "keys", "steps"),
    [
        (1, False, 1, [], 0),
        (1, False, 1, [1], 1),
        (1, False, 1, [2], 2),
        (1, True, 1, [1], 0),
        (1, True, 1, [2], 1),
        (10, True, 1, [3, 12, 11], 2),
        (1010, True, 1, [3], 0),
        (1, True, 2, [2, 4, 6], 0),
        (1, True, 2, [3], 1),
        (1, True, 2, [6, 7], 3),
        (2, False, 2, [5], 0),
        (2, False, 2, [6], 3),
        (-1, True, -1, [-5], 4),
        (-10, True, -1, [-5], 0),
        (-1, False, -2, [-2, -3], 2),
        (5, True, 1, [101], 0),
        (5, True, 1, [-101], 0),
    ],
)
def test_sequence_gives_out_as_many_values_as_lie_before_a_free_one(last, called, step, keys, steps):
    assert Sequence(last, called, step, -100, 100).steps_past(keys) == steps


@both
@pytest.mark.all_pairs
@pytest.mark.parametrize("way", WAYS)
def test_next_insert_of_the_remote_finds_a_free_key(settings, way):
    first = next_keys(1)[0]
    Item.objects.bulk_create([Item(pk=first + 1 + number, name=f"n{number}") for number in range(5)])

    with WAYS[way](settings):
        report = synchronize()

    assert report.failures == []
    assert next_keys(2) == [first + 6, first + 7]


@both
@pytest.mark.all_pairs
@pytest.mark.parametrize("way", WAYS)
def test_keys_that_were_given_out_stay_given_out(settings, way):
    last = next_keys(3)[-1]
    Item.objects.using(REMOTE).all().delete()
    Item.objects.create(pk=5, name="ours")

    with WAYS[way](settings):
        synchronize()

    assert next_keys(1) == [last + 1]


@both
@pytest.mark.vendor("postgres", "sqlite-to-postgres")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", [1001, 1002])
def test_odd_and_even_sequences_stay_so(settings, way, first):
    on_remote(f"ALTER SEQUENCE {TABLE}_id_seq INCREMENT BY 2 RESTART WITH {first}")
    Item.objects.bulk_create([Item(pk=key, name="ours") for key in (1001, 1002, 1003, 1004, 1010)])

    with WAYS[way](settings):
        assert synchronize().failures == []

    assert next_keys(2) == ([1005, 1007] if first == 1001 else [1012, 1014])


@both
@pytest.mark.vendor("postgres")
def test_sequence_that_begins_higher_stays_there():
    on_remote(f"ALTER SEQUENCE {TABLE}_id_seq RESTART WITH 5000000")
    Item.objects.create(pk=7, name="ours")

    synchronize()

    assert next_keys(1) == [5_000_000]


@both
@pytest.mark.vendor("postgres")
def test_sequence_jumps_far_at_once_and_keeps_its_steps():
    on_remote(f"ALTER SEQUENCE {TABLE}_id_seq INCREMENT BY 2 RESTART WITH 1")
    Item.objects.create(pk=2_000_000_001, name="ours")

    synchronize()

    assert next_keys(1) == [2_000_000_003]


SEQUENCES = {
    "a serial column": (
        f"ALTER TABLE {TABLE} ALTER id DROP IDENTITY",
        f"CREATE SEQUENCE s OWNED BY {TABLE}.id",
        f"ALTER TABLE {TABLE} ALTER id SET DEFAULT nextval('s')",
    ),
    "a sequence that nobody owns": (
        f"ALTER TABLE {TABLE} ALTER id DROP IDENTITY",
        'CREATE SCHEMA "Other One"',
        'CREATE SEQUENCE "Other One"."The %Sequence"',
        f"""ALTER TABLE {TABLE} ALTER id SET DEFAULT nextval('"Other One"."The %Sequence"')""",
    ),
    "the sequence of a parent table": (
        "CREATE TABLE all_items (id bigserial PRIMARY KEY, name varchar(100), cash integer)",
        f"DROP TABLE {TABLE} CASCADE",
        f"CREATE TABLE {TABLE} (PRIMARY KEY (id), CHECK (true)) INHERITS (all_items)",
    ),
}


@both
@pytest.mark.vendor("postgres", "sqlite-to-postgres")
@pytest.mark.parametrize("kind", SEQUENCES)
def test_sequence_is_moved_wherever_it_belongs(kind):
    for statement in SEQUENCES[kind]:
        on_remote(statement)
    Item.objects.bulk_create([Item(pk=key, name="ours") for key in (1, 2, 3)])

    assert synchronize().failures == []

    assert next_keys(2) == [4, 5]


@both
@pytest.mark.vendor("postgres")
def test_key_without_a_sequence_is_let_be():
    on_remote(f"ALTER TABLE {TABLE} ALTER id DROP IDENTITY")
    Item.objects.create(pk=7, name="ours")

    assert synchronize().failures == []


class Clerk(threading.Thread):
    """Somebody on the remote who takes keys, one after the other, and writes down which."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds
        self.taken: list[int] = []

    def run(self) -> None:
        try:
            with connections[REMOTE].cursor() as cursor:
                for _ in range(self.rounds):
                    cursor.execute(f"SELECT nextval('{TABLE}_id_seq') FROM generate_series(1, 20)")
                    self.taken += [key for (key,) in cursor.fetchall()]
        finally:
            connections[REMOTE].close()


@both_committed
@pytest.mark.vendor("postgres")
def test_no_key_is_given_out_twice_while_others_insert():
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(f"SELECT nextval('{TABLE}_id_seq')")
        start = cursor.fetchone()[0]
    clerks = [Clerk(rounds=150) for _ in range(3)]
    for clerk in clerks:
        clerk.start()

    behind = start
    while any(clerk.is_alive() for clerk in clerks):
        behind += 7
        statements_of(connections[REMOTE]).move_sequences_on(connections[REMOTE], {Item: [behind]})
    for clerk in clerks:
        clerk.join()

    taken = [key for clerk in clerks for key in clerk.taken]
    assert len(taken) == len(set(taken)) == 3 * 150 * 20
    assert all(clerk.taken == sorted(clerk.taken) for clerk in clerks)


@both_committed
@pytest.mark.vendor("postgres")
def test_rows_of_others_that_are_not_committed_yet_keep_their_keys():
    database = connections[REMOTE].settings_dict
    clerk = connection.copy(alias="clerk")
    clerk.settings_dict = database
    try:
        with transaction.atomic(using=REMOTE):
            pass
        with clerk.cursor() as cursor:
            cursor.execute("BEGIN")
            open_keys = []
            for _ in range(3):
                cursor.execute(f"INSERT INTO {TABLE} (name, cash) VALUES ('open', 0) RETURNING id")
                open_keys.append(cursor.fetchone()[0])
            Item.objects.create(pk=3, name="ours")

            assert synchronize().failures == []

            cursor.execute("COMMIT")
    finally:
        clerk.close()

    assert next_keys(2) == [open_keys[-1] + 1, open_keys[-1] + 2]
