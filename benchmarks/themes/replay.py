"""Objects a second written on the remote: inserts, updates, many-to-many relations, deletes."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from django.core.management import call_command
from django.db import transaction
from django.db.models.signals import ModelSignal, m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.test.utils import override_settings

from synchro_triggers import synchronize
from synchro_triggers.conf import get_settings
from synchro_triggers.management.own_process import heap_set_aside

from ..apps.replayed.models import Item, Tag
from ..harness import Results, check, progress, take_turns, timed
from ..logical_replication import LogicalReplication, why_not_there
from ..sides import (
    LOCAL,
    REMOTE,
    THROUGH,
    change_local,
    check_equal,
    contents,
    fill_local,
    make_tags,
    settle,
    start_over,
    tag_local,
)
from ..sizes import Sizes

T = TypeVar("T")

UNIT = "objects/s"
OURS = "synchro_triggers"
BATCH_SIGNALS = "synchro_triggers, batch signals"
LOOP = "loop of save()"
BULK = "bulk_create(update_conflicts)"
DUMP = "dumpdata | loaddata"
REPLICATION = "logical replication"

MEASURES = ("inserts", "updates", "many-to-many", "deletes")
BATCH = 1_000


class Contender(ABC):
    """A way to bring to the remote what was written on LOCAL.

    Attributes:
        slow: it gets fewer objects, for it takes as long for each of them.
    """

    slow = False

    def insert(self) -> None:
        self.upsert(adding=True)

    def update(self) -> None:
        self.upsert(adding=False)

    @abstractmethod
    def upsert(self, *, adding: bool) -> None: ...

    @abstractmethod
    def tag(self) -> None: ...

    def delete(self) -> None:
        raise NotImplementedError

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Enclose one round."""
        yield

    def before_tagging(self) -> None:
        Tag.objects.using(REMOTE).bulk_create(Tag.objects.using(LOCAL).all())

    def untag(self) -> None:
        THROUGH.objects.using(REMOTE).all().delete()


class Ours(Contender):
    def upsert(self, *, adding: bool) -> None:
        self._run()

    def tag(self) -> None:
        self._run()

    def delete(self) -> None:
        self._run()

    def before_tagging(self) -> None:
        self._run()

    def untag(self) -> None:
        self._run()

    def _run(self) -> None:
        with heap_set_aside():  # as `manage.py synchronize` does
            report = synchronize()
        check([failure.error for failure in report.failures], [], "failures of the run")


class Loop(Contender):
    """One transaction, one save() an object; it is told whether to insert or to update, and never has to look."""

    def upsert(self, *, adding: bool) -> None:
        with transaction.atomic(using=REMOTE):
            for item in Item.objects.using(LOCAL).iterator():
                item.save(using=REMOTE, force_insert=adding, force_update=not adding)

    def tag(self) -> None:
        tags = defaultdict(list)
        for item, tag in THROUGH.objects.using(LOCAL).values_list("item_id", "tag_id").iterator():
            tags[item].append(tag)
        with transaction.atomic(using=REMOTE):
            for item in Item.objects.using(REMOTE).iterator():
                item.tags.add(*tags[item.pk])

    def delete(self) -> None:
        with transaction.atomic(using=REMOTE):
            for item in Item.objects.using(REMOTE).iterator():
                item.delete()


class Bulk(Contender):
    """Batches of the same rows: no signals, no look at what is there, no references."""

    def upsert(self, *, adding: bool) -> None:
        names = [field.name for field in Item._meta.concrete_fields if not field.primary_key]
        for batch in _batches(Item.objects.using(LOCAL).iterator(), BATCH):
            Item.objects.using(REMOTE).bulk_create(
                batch, update_conflicts=True, unique_fields=["id"], update_fields=names
            )

    def tag(self) -> None:
        for batch in _batches(THROUGH.objects.using(LOCAL).iterator(), BATCH):
            THROUGH.objects.using(REMOTE).bulk_create(batch, ignore_conflicts=True)

    def delete(self) -> None:
        for batch in _batches(Item.objects.using(REMOTE).values_list("pk", flat=True).iterator(), BATCH):
            Item.objects.using(REMOTE).filter(pk__in=batch).delete()


class Dump(Contender):
    slow = True

    def upsert(self, *, adding: bool) -> None:
        self._carry()

    def tag(self) -> None:
        self._carry()

    def _carry(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "items.json")
            call_command("dumpdata", "replayed.item", database=LOCAL, output=file, verbosity=0)
            call_command("loaddata", file, database=REMOTE, verbosity=0)


class Replication(Contender):
    """It has begun when LOCAL commits; what is measured is from then on."""

    def __init__(self) -> None:
        self._replication = LogicalReplication(LOCAL, REMOTE, ("replayed_item", "replayed_tag", "replayed_item_tags"))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with self._replication.running():
            yield

    def upsert(self, *, adding: bool) -> None:
        self._wait()

    def tag(self) -> None:
        self._wait()

    def delete(self) -> None:
        self._wait()

    def before_tagging(self) -> None:
        self._wait()

    def untag(self) -> None:
        self._wait()

    def _wait(self) -> None:
        wanted = contents(LOCAL)
        self._replication.wait_until(lambda: contents(REMOTE) == wanted)


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results(baseline=LOOP)
    silent: dict[str, Contender] = {OURS: Ours(), LOOP: Loop(), BULK: Bulk(), DUMP: Dump()}
    if vendor == "postgres" and not (reason := why_not_there(LOCAL)):
        silent[REPLICATION] = Replication()
    elif vendor == "postgres":
        results.notes.append(f"no logical replication: {reason}")
    heard: dict[str, Contender] = {OURS: Ours(), LOOP: Loop()}

    progress("without receivers")
    found = take_turns(
        {name: _round_of(contender, sizes, "") for name, contender in silent.items()}, min(3, sizes.rounds)
    )
    _store(results, found, silent, "", {DUMP: f"{sizes.replay_slow_objects:,} objects"})

    progress("with receivers")
    rounds: dict[str, Callable[[], dict[str, float]]] = {}
    for name, contender in heard.items():
        rounds[name] = _with_receivers(_round_of(contender, sizes, ", receivers"))
    has_batch_signals = hasattr(get_settings(), "batch_signals")
    if has_batch_signals:
        one = _with_receivers(_round_of(Ours(), sizes, ", receivers"))
        rounds[BATCH_SIGNALS] = lambda: override_settings(SYNCHRO_BATCH_SIGNALS=True)(one)()
    found = take_turns(rounds, min(3, sizes.rounds))
    _store(results, found, rounds, ", receivers", {})
    if not has_batch_signals:
        for measure in MEASURES:
            results.add_missing(f"{measure}, receivers", BATCH_SIGNALS, UNIT, "not there")
    _set_targets(results, vendor)
    results.notes.append(
        f"{sizes.replay_objects:,} items with automatic keys and without natural keys, two tags each "
        "(none any more when they are deleted); both sides are compared after every step."
    )
    results.notes.append("The loop knows what is new and uses force_insert and force_update; receivers are empty.")
    return results


def _store(
    results: Results,
    found: dict[tuple[str, str], list[float]],
    names: Iterable[str],
    suffix: str,
    notes: dict[str, str],
) -> None:
    contenders = list(names)
    for measure in MEASURES:
        for name in contenders:
            if runs := found.get((measure + suffix, name)):
                results.add(measure + suffix, name, UNIT, runs, notes.get(name, ""))
            else:
                results.add_missing(measure + suffix, name, UNIT, "cannot delete")


def _set_targets(results: Results, vendor: str) -> None:
    results.compare("inserts", OURS, BULK, ">=", 1.3 if vendor == "sqlite" else 1.2)
    results.compare("updates", OURS, BULK, ">=", 0.4)
    for measure in MEASURES:
        results.compare(f"{measure}, receivers", OURS, LOOP, ">=", 0.75)
    if vendor == "sqlite":
        results.notes.append(
            "How many times the loop, is a target on PostgreSQL alone: here the loop sends no messages, and the "
            "bulk writes of the table above are no more than a few times as fast as it is."
        )
        return
    for measure, limit in (("inserts", 5), ("updates", 5), ("deletes", 10)):
        results.compare(measure, OURS, LOOP, ">=", limit)
    for measure in MEASURES:
        results.compare(f"{measure}, receivers", BATCH_SIGNALS, LOOP, ">=", 3)


def _round_of(contender: Contender, sizes: Sizes, suffix: str) -> Callable[[], dict[str, float]]:
    return lambda: _do_round(contender, sizes, suffix)


def _do_round(contender: Contender, sizes: Sizes, suffix: str) -> dict[str, float]:
    objects = sizes.replay_slow_objects if contender.slow else sizes.replay_objects
    found: dict[str, float] = {}

    def measure(name: str, count: int, bring: Callable[[], None]) -> None:
        with timed() as watch:
            bring()
        check_equal(f"{name} by {type(contender).__name__}")
        found[name + suffix] = count / watch.seconds

    start_over()
    settle()
    with contender.at_work():
        fill_local(objects)
        measure("inserts", objects, contender.insert)
        change_local()
        measure("updates", objects, contender.update)
        make_tags()
        contender.before_tagging()
        relations = tag_local()
        measure("many-to-many", relations, contender.tag)
        if type(contender).delete is not Contender.delete:
            THROUGH.objects.using(LOCAL).all().delete()
            contender.untag()
            Item.objects.using(LOCAL).all().delete()
            measure("deletes", objects, contender.delete)
    return found


def _with_receivers(do_round: Callable[[], dict[str, float]]) -> Callable[[], dict[str, float]]:
    def heard() -> dict[str, float]:
        with ExitStack() as stack:
            for signal in (pre_save, post_save, pre_delete, post_delete):
                stack.enter_context(_connected(signal, Item))
            stack.enter_context(_connected(m2m_changed, THROUGH))
            return do_round()

    return heard


@contextmanager
def _connected(signal: ModelSignal, sender: Any) -> Iterator[None]:
    signal.connect(_do_nothing, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(_do_nothing, sender=sender)


def _do_nothing(sender: Any, **options: Any) -> None:
    pass


def _batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
