"""A deferred constraint of the remote refuses some objects: all others arrive, also what only balances together."""

from __future__ import annotations

import pytest
from django.db import connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.models import Failure
from tests.databases import both_committed
from tests.replay.routes import route  # noqa: F401  # a fixture
from tests.testapp.models import Item, Keyed, KeyedChild

pytestmark = [both_committed, pytest.mark.vendor("postgres", "sqlite-to-postgres")]

REMOTE = "remote"
BOOKINGS, BAD = 20, 7


def on_remote(model):
    return model.objects.using(REMOTE)


def refuse_at_the_commit(table: str, condition: str):
    with connections[REMOTE].cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION must_balance() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN IF {condition} THEN RAISE EXCEPTION 'it does not balance'; END IF; RETURN NULL; END$$;"
            f"CREATE CONSTRAINT TRIGGER balance AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION must_balance()"
        )


@pytest.fixture
def bookings_must_balance(transactional_db):
    """Let the lines (``KeyedChild``) of each booking (``Keyed``) have a sum of 0; their names are the amounts."""
    refuse_at_the_commit(
        "testapp_keyedchild",
        "(SELECT sum(name::int) FROM testapp_keyedchild WHERE parent_id = NEW.parent_id) <> 0",
    )


def amounts(number: int) -> tuple[str, str]:
    return "100", "-99" if number == BAD else "-100"


def one_by_one():
    for number in range(BOOKINGS):
        booking = Keyed.objects.create(code=str(number))
        for amount in amounts(number):
            KeyedChild.objects.create(name=amount, parent=booking)


def a_transaction_each():
    for number in range(BOOKINGS):
        with transaction.atomic():
            booking = Keyed.objects.create(code=str(number))
            for amount in amounts(number):
                KeyedChild.objects.create(name=amount, parent=booking)


def all_at_once():
    bookings = Keyed.objects.bulk_create(Keyed(code=str(number)) for number in range(BOOKINGS))
    for side in (0, 1):
        KeyedChild.objects.bulk_create(
            KeyedChild(name=amounts(number)[side], parent=booking) for number, booking in enumerate(bookings)
        )


@pytest.mark.thinned("write", "route", "batch_size")
@pytest.mark.parametrize("write", [one_by_one, a_transaction_each, all_at_once])
@pytest.mark.parametrize("batch_size", [5, 1000])
def test_good_bookings_arrive_beside_a_bad_one(bookings_must_balance, settings, write, route, batch_size):  # noqa: F811
    settings.SYNCHRO_BATCH_SIZE = batch_size
    write()

    report = synchronize()

    assert {failure.model for failure in report.failures} == {"testapp.KeyedChild"}
    assert "does not balance" in report.failures[0].error
    assert on_remote(Keyed).count() == BOOKINGS
    assert on_remote(KeyedChild).count() == 2 * BOOKINGS - 2 and len(report.failures) == 2

    KeyedChild.objects.filter(name="-99").update(name="-100")
    assert synchronize().failures == []
    assert on_remote(KeyedChild).count() == 2 * BOOKINGS and not on_remote(Failure).exists()


def test_what_balances_with_nothing_but_its_neighbour_arrives(transactional_db):
    refuse_at_the_commit("testapp_item", "(SELECT sum(cash) FROM testapp_item) <> 0")
    for number in range(10):
        Item.objects.create(name=f"{number} in", cash=number)
        Item.objects.create(name=f"{number} out", cash=-number if number != 4 else 0)

    report = synchronize()

    assert {failure.key for failure in report.failures} == {str(Item.objects.get(name="4 in").pk)}
    assert on_remote(Item).count() == 19


def test_transaction_is_cut_only_where_it_has_to_be(bookings_must_balance, monkeypatch):
    """A bad booking among many in transactions of their own costs few transactions more, not some for each object."""
    from synchro_triggers.replay.write.batch_by_batch import BatchByBatch

    tried = []
    whole = BatchByBatch._apply_whole
    monkeypatch.setattr(BatchByBatch, "_apply_whole", lambda *args: tried.append(len(args[1])) or whole(*args))
    a_transaction_each()

    synchronize()

    limit = 24 if connections["default"].vendor == "postgresql" else 200
    assert len(tried) <= limit, tried
