"""Observed objects are written by statements of the package's own: receivers must not be able to tell from Django's."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import zip_longest
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.db.models import F, Model, Value
from django.db.models.functions import Upper

from synchro_triggers import synchronize
from synchro_triggers.models import Failure
from tests.comparing import assert_same
from tests.databases import both, both_committed
from tests.fieldapp.models import Clockwork, PlainSpecimen
from tests.replay.hearing import SIGNALS, receiving
from tests.shapes.sides import REMOTE, execute
from tests.testapp.models import Account, Document, Entry, Item, Keyed, Tag, Tagged

pytestmark = both

Told = list[tuple[Any, ...]]
Receiver = Callable[..., None]

#: Numbers and times that differ from run to run.
DIFFER = {"id", "moment", "_state"}


def remote(model: type[Model]) -> Any:
    return model._base_manager.using(REMOTE)


def settled(values: dict[str, Any]) -> dict[str, Any]:
    own = "_synchro_"  # what the package notes on an instance for itself
    return {name: value for name, value in values.items() if name not in DIFFER and not name.startswith(own)}


def noting(heard: Told, model: type[Model]) -> Receiver:
    """A receiver that writes down all that it can find out."""

    def note(signal, sender, instance, using, **told):
        name = next(name for name, each in SIGNALS.items() if each is signal)
        told["origin"] = told.pop("origin", instance) is instance
        if using != REMOTE:
            return
        there = [settled(row) for row in remote(model).filter(pk=instance.pk).values()]
        state = instance._state.db, instance._state.adding, instance.pk is None
        heard.append((name, sender, using, told, state, repr(settled(instance.__dict__)), repr(there)))

    return note


def told_by(story: Callable[[], Any], model: type[Model], also: dict[str, Receiver]) -> tuple[Told, Any]:
    """Return what receivers are told while a story is told, and what it returns."""
    heard: Told = []

    def there_only(receiver: Receiver) -> Receiver:
        return lambda using, **told: receiver(**told) if using == REMOTE else None

    with ExitStack() as stack:
        for name in ("pre_save", "post_save", "pre_delete", "post_delete"):
            if name in also:
                stack.enter_context(receiving(name, model, there_only(also[name])))
            stack.enter_context(receiving(name, model, noting(heard, model)))
        outcome = story()
    return heard, outcome


def by_both(monkeypatch, story: Callable[[], Any], model: type[Model], **also: Receiver) -> tuple[Told, Any]:
    """Let Django write, and then the package; assert that nobody can tell the difference."""
    with monkeypatch.context() as patch:
        # A model with methods of its own is written by calling them.
        patch.setattr(model, "save", lambda self, **how: Model.save(self, **how))
        patch.setattr(model, "delete", lambda self, **how: Model.delete(self, **how))
        expected = told_by(story, model, also)
    heard, outcome = told_by(story, model, also)
    for one, other in zip_longest(heard, expected[0]):
        assert one == other
    assert outcome == expected[1]
    return heard, outcome


def life(model: type[Model], new: dict[str, Any], change: dict[str, Any]) -> Callable[[], Any]:
    """An object comes, changes and goes; the state of the remote after each step."""

    def live():
        states = []
        for step in (
            lambda: model._base_manager.create(**new),
            lambda: model._base_manager.update(**change),
            lambda: model._base_manager.all().delete(),
        ):
            step()
            report = synchronize()
            errors = [re.sub(r"\d+", "n", failure.error) for failure in report.failures]
            there = [settled(row) for row in remote(model).order_by("pk").values()]
            states.append((there, report.created, report.updated, report.deleted, errors))
        remote(model).all()._raw_delete(REMOTE)
        Failure.objects.using(REMOTE).all().delete()
        return states

    return live


# What receivers are told --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "new", "change"),
    [
        (Item, {"name": "a", "cash": 1}, {"cash": 2}),
        (Account, {"name": "a", "cash": 1, "visits": 5}, {"cash": 2}),
        (Keyed, {"code": "a", "cash": 1, "visits": 5}, {"cash": F("cash") + 1}),
        (Tagged, {"title": "a"}, {"title": "b"}),
        (Document, {"title": "a"}, {"title": "b"}),
        (Clockwork, {"name": "a", "saves": 2}, {"name": "b"}),
        (PlainSpecimen, {"name": "a", "binary": b"\0", "json": {"a": 1}, "file": "f", "width": 1}, {"name": "b"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_receivers_are_told_what_django_tells(monkeypatch, capture_only, model, new, change):
    capture_only(model)

    heard, states = by_both(monkeypatch, life(model, new, change), model)

    assert [told[0] for told in heard] == [
        "pre_save",
        "post_save",
        "pre_save",
        "post_save",
        "pre_delete",
        "post_delete",
    ]
    assert [(len(there), *counts) for there, *counts in states] == [
        (1, 1, 0, 0, []),
        (1, 0, 1, 0, []),
        (0, 0, 0, 1, []),
    ]


def test_links_go_with_their_object(monkeypatch):
    def live():
        tagged = Tagged.objects.create(title="a")
        tagged.tags.add(*(Tag.objects.get_or_create(label=label)[0] for label in "ab"))
        synchronize()
        linked = remote(Tagged.tags.through).count()
        tagged.delete()
        report = synchronize()
        return linked, remote(Tagged.tags.through).count(), report.deleted, report.failures

    _, outcome = by_both(monkeypatch, live, Tagged)

    assert outcome == (2, 0, 3, [])


# Receivers that meddle ----------------------------------------------------------------------------


def another_value(instance, **told):
    instance.cash = 77


def an_expression(instance, **told):
    instance.cash = F("cash") + 1 if not instance._state.adding else Value(40) + 2


def an_expression_of_text(instance, **told):
    instance.name = Upper(Value("loud"))


def a_text_for_a_number(instance, **told):
    instance.cash = "12"


def nothing_where_something_must_be(instance, **told):
    instance.cash = None


def no_number(instance, **told):
    instance.cash = "many"


def a_value_forgotten(instance, **told):
    if not instance._state.adding:
        del instance.__dict__["cash"]


def another_key(instance, **told):
    if instance._state.adding:
        instance.pk = 987_654


def no_key(instance, **told):
    if not instance._state.adding:
        instance.pk = None


def the_row_deleted(instance, **told):
    if not instance._state.adding:
        remote(type(instance)).all()._raw_delete(REMOTE)


def an_attribute_of_its_own(instance, **told):
    instance.noted = True


def a_refusal(instance, **told):
    raise ValueError("no")


def a_refused_update(instance, **told):
    if not instance._state.adding:
        raise ValueError("no")


@pytest.mark.parametrize(
    "meddle",
    [
        another_value,
        an_expression,
        an_expression_of_text,
        a_text_for_a_number,
        nothing_where_something_must_be,
        no_number,
        a_value_forgotten,
        another_key,
        no_key,
        the_row_deleted,
        an_attribute_of_its_own,
        a_refusal,
        a_refused_update,
    ],
    ids=lambda meddle: meddle.__name__.replace("_", " "),
)
def test_receiver_meddles_as_with_django(monkeypatch, capture_only, meddle):
    capture_only(Item)

    heard, _ = by_both(monkeypatch, life(Item, {"name": "a", "cash": 1}, {"name": "b"}), Item, pre_save=meddle)

    assert bool(heard) is (meddle is not a_refusal), "who listens after one that refuses hears nothing"


def test_object_that_a_receiver_assigns_is_saved_as_with_django(monkeypatch):
    Account.objects.create(name="ours")
    synchronize()
    remote(Account).create(name="theirs")

    def move(instance, **told):
        instance.account = remote(Account).get(name="theirs")

    _, states = by_both(
        monkeypatch, life(Entry, {"name": "a", "account_id": "ours"}, {"name": "b"}), Entry, pre_save=move
    )

    assert [there[0]["account_id"] for there, *_ in states[:2]] == ["theirs", "theirs"]


@pytest.mark.parametrize("name", ["pre_delete", "post_delete"])
def test_refused_delete_is_refused_as_with_django(monkeypatch, capture_only, name):
    capture_only(Item)

    _, states = by_both(monkeypatch, life(Item, {"name": "a"}, {"name": "b"}), Item, **{name: a_refusal})

    there, *counts, errors = states[-1]
    assert (len(there), counts, len(errors)) == (1, [0, 0, 0], 1)


# Savepoints that wait for the statement they are for ----------------------------------------------

NAMES = "abcde"


def make() -> None:
    Item.objects.bulk_create(Item(name=name, cash=1) for name in NAMES)


def on_remote(model: type[Model] = Item, name: str = "name") -> str:
    return "".join(sorted(remote(model).values_list(name, flat=True)))


def tag_by_django(name: str) -> None:
    remote(Tag).create(label=name)


def tag_by_a_cursor_kept(name: str, kept: list[Any] = []) -> None:  # noqa: B006
    if name == NAMES[0]:
        kept[:] = [connections[REMOTE].cursor()]
    kept[0].execute("INSERT INTO testapp_tag (label) VALUES (%s)", [name])


def tag_by_copy(name: str) -> None:
    with connections[REMOTE].cursor() as cursor, cursor.copy("COPY testapp_tag (label) FROM STDIN") as copy:
        copy.write_row([name])


def tag_by_the_driver(name: str) -> None:
    connections[REMOTE].connection.execute(f"INSERT INTO testapp_tag (label) VALUES ('{name}')")


@pytest.mark.thinned("signal")
@pytest.mark.parametrize("write", [tag_by_django, tag_by_a_cursor_kept])
@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
@pytest.mark.parametrize("failing", ["a", "ce", "bcd", NAMES])
def test_what_a_receiver_writes_goes_back_with_its_object(write, signal, failing):
    assert_goes_back(write, signal, failing)


@pytest.mark.vendor("postgres")
@pytest.mark.thinned("signal", "failing")
@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
@pytest.mark.parametrize("failing", ["a", "ce", NAMES])
def test_what_a_receiver_copies_goes_back_with_its_object(signal, failing):
    assert_goes_back(tag_by_copy, signal, failing)


def assert_goes_back(write, signal, failing):
    make()

    def receive(instance, **told):
        write(instance.name)
        if instance.name in failing:
            raise ValueError("no")

    with receiving(signal, Item, receive):
        report = synchronize()

    passed = "".join(name for name in NAMES if name not in failing)
    assert on_remote() == on_remote(Tag, "label") == passed
    assert len(report.failures) == len(failing)


def test_what_a_receiver_writes_past_django_is_not_lost():
    make()
    with receiving("pre_save", Item, lambda instance, **told: tag_by_the_driver(instance.name)):
        report = synchronize()

    assert report.failures == []
    assert on_remote() == on_remote(Tag, "label") == NAMES


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("goes_on", [True, False])
def test_statement_past_django_that_breaks_the_transaction_costs_its_object_alone(goes_on):
    make()

    def receive(instance, **told):
        if instance.name == "c":
            with suppress(Exception) if goes_on else ExitStack():
                connections[REMOTE].connection.execute("INSERT INTO testapp_tag (label) VALUES (NULL)")

    with receiving("pre_save", Item, receive):
        report = synchronize()

    assert [failure.key for failure in report.failures] == [str(Item.objects.get(name="c").pk)]
    assert on_remote() == "abde"
    synchronize()
    assert_same(Item)


@pytest.mark.parametrize("signal", ["pre_save", "post_save"])
def test_block_that_is_rolled_back_at_once_goes_alone(signal):
    make()

    def receive(instance, **told):
        with suppress(DatabaseError), transaction.atomic(using=REMOTE):
            remote(Tag).create(label=instance.name)
            if instance.name in "bd":
                raise DatabaseError

    with receiving(signal, Item, receive):
        assert synchronize().failures == []

    assert on_remote() == NAMES and on_remote(Tag, "label") == "ace"


def test_receiver_may_ask_for_a_cursor_and_not_use_it():
    make()

    def receive(**told):
        connections[REMOTE].cursor().close()

    with receiving("pre_save", Item, receive):
        assert synchronize().failures == []

    assert on_remote() == NAMES
    assert "create_cursor" not in vars(connections[REMOTE])


def test_message_of_a_mistake_speaks_of_the_statement_alone(capture_only):
    capture_only(Item)
    into_nothing = "INSERT INTO testapp_nowhere (id) VALUES (1);"
    made, gone = {
        "sqlite": (
            [f"CREATE TRIGGER theirs AFTER INSERT ON testapp_item BEGIN {into_nothing} END"],
            ["DROP TRIGGER theirs"],
        ),
        "postgresql": (
            [
                f"CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {into_nothing} RETURN NEW; END'",
                "CREATE TRIGGER theirs AFTER INSERT ON testapp_item FOR EACH ROW EXECUTE FUNCTION theirs()",
            ],
            ["DROP TRIGGER theirs ON testapp_item", "DROP FUNCTION theirs()"],
        ),
    }[connections[REMOTE].vendor]
    for sql in made:
        execute(sql, alias=REMOTE)
    make()
    with receiving("post_save", Item, lambda **told: None):
        report = synchronize()

    for sql in gone:
        execute(sql, alias=REMOTE)
    assert len(report.failures) == len(NAMES)
    for failure in report.failures:
        assert "testapp_nowhere" in failure.error and "SAVEPOINT" not in failure.error
