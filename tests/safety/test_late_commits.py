"""Never missed: what a transaction logged early and committed late is found by the next run."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import pytest
from django.db import connection, connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog
from tests.databases import both_committed
from tests.safety.effort import times
from tests.testapp.models import Item

pytestmark = both_committed

REMOTE = "remote"


@pytest.mark.vendor("postgres")
def test_change_committed_late_with_a_low_id_is_found_by_the_next_run():
    """And, as a control, a reader that takes ``id > last`` loses it."""
    may_commit, has_written = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                Item.objects.create(name="late")
                has_written.set()
                assert may_commit.wait(60)
        finally:
            connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert has_written.wait(60)
    Item.objects.create(name="early")
    first = synchronize()
    last_seen = ChangeLog.objects.latest("id").pk
    may_commit.set()
    writer.join()

    second = synchronize()

    assert first.created == 1 and second.created == 1
    assert set(Item.objects.using(REMOTE).values_list("name", flat=True)) == {"early", "late"}
    assert not ChangeLog.objects.filter(pk__gt=last_seen).exists(), "the control did not lose the late one"


class Writers:
    """Threads that write in transactions of their own, short and long, until they are told to stop.

    Attributes:
        committed: what an object was at its last commit, and when that commit was over: name to (cash, time).
        spans: beginning and end of each transaction that committed.
        ended: transactions that ended as ``"committed"``, ``"rolled back"`` or ``"savepoint rolled back"``.
    """

    def __init__(self, count: int) -> None:
        self.lock = threading.Lock()
        self.committed: dict[str, tuple[int, float]] = {}
        self.spans: list[tuple[float, float]] = []
        self.ended: Counter[str] = Counter()
        self._errors: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]
        # SQLite has one writer at a time: long transactions would only make the others wait.
        self._longest = 0.3 if connection.vendor == "postgresql" else 0.002

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._errors, self._errors

    def _write(self, worker: int) -> None:
        mine = random.Random(worker)
        number = 0
        try:
            while not self._stop.is_set():
                self._transaction(mine, worker, number)
                number += 1
                time.sleep(mine.random() * 0.01)
        except BaseException as error:
            self._errors.append(error)
        finally:
            connections.close_all()

    def _transaction(self, mine: random.Random, worker: int, number: int) -> None:
        written = {f"{worker}-{number}": number}
        began = time.monotonic()
        try:
            with transaction.atomic():
                Item.objects.create(name=f"{worker}-{number}", cash=number)
                if number:  # an object that was synchronised before, perhaps in this very moment
                    known = f"{worker}-{mine.randrange(number)}"
                    if Item.objects.filter(name=known).update(cash=number):
                        written[known] = number
                inner_stays = mine.random() < 0.7
                with transaction.atomic():
                    Item.objects.create(name=f"{worker}-{number} inner")
                    if not inner_stays:
                        transaction.set_rollback(True)
                time.sleep(self._longest * mine.random() ** 3)  # most are short, some outlast a run
                if mine.random() < 0.2:
                    raise LookupError
        except LookupError:
            self.ended["rolled back"] += 1
            return
        if inner_stays:
            written[f"{worker}-{number} inner"] = 0
        over = time.monotonic()
        with self.lock:
            self.committed.update({name: (cash, over) for name, cash in written.items()})
            self.spans.append((began, over))
            self.ended["committed" if inner_stays else "savepoint rolled back"] += 1

    def overlapping(self) -> int:
        """Return how many of the committed transactions were open while another one began or ended."""
        spans = sorted(self.spans)
        met = set()
        for index, (_, end) in enumerate(spans):
            for other in range(index + 1, len(spans)):
                if spans[other][0] >= end:
                    break
                met |= {index, other}
        return len(met)


class NaiveReader:
    """The control: takes ``id > last``, as one would without snapshots."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._last = 0

    def read(self) -> None:
        rows = list(ChangeLog.objects.filter(pk__gt=self._last).values_list("pk", flat=True))
        self._seen.update(rows)
        self._last = max([self._last, *rows])

    def lost(self) -> int:
        return ChangeLog.objects.exclude(pk__gt=self._last).count() - len(self._seen)


def test_objects_of_overlapping_transactions_all_arrive_by_the_run_after_their_commit(vendor):
    """Short and long transactions, rollbacks and savepoints, while runs follow one another."""
    naive = NaiveReader()
    wanted = times(60, 3000)
    runs = compared = 0
    deadline = time.monotonic() + times(60, 900)

    with Writers(6) as writers:
        while True:
            began = time.monotonic()
            assert not synchronize().failures
            naive.read()
            arrived = dict(Item.objects.using(REMOTE).values_list("name", "cash"))
            with writers.lock:
                due = {name: cash for name, (cash, at) in writers.committed.items() if at < began}
                done = len(writers.spans)
            # What was written again since may be here already, with a newer value: numbers grow.
            overdue = {name for name, cash in due.items() if arrived.get(name, -1) < cash}
            assert not overdue, "committed before the run began, and not there after it"
            runs, compared = runs + 1, compared + len(due)
            if done >= wanted and (naive.lost() or connection.vendor == "sqlite"):
                break
            assert time.monotonic() < deadline, f"{done} transactions, {naive.lost()} lost by the naive reader"
    naive.read()
    synchronize()

    here = dict(Item.objects.values_list("name", "cash"))
    assert here == dict(Item.objects.using(REMOTE).values_list("name", "cash"))
    assert {name: cash for name, (cash, _) in writers.committed.items()} == here
    assert min(writers.ended.values()) > 0 and len(writers.ended) == 3
    assert writers.overlapping() >= {"postgresql": wanted // 3, "sqlite": 0}[connection.vendor]
    overlapping = "overlapping" if connection.vendor == "postgresql" else "overlapping or waiting for another"
    print(
        f"{vendor}: {dict(writers.ended)} transactions, {writers.overlapping()} {overlapping}, {runs} runs, "
        f"{compared} comparisons of {len(here)} objects: 0 late; a naive reader lost {naive.lost()} changes"
    )
