"""Never missed: what a transaction logged early and committed late is found by the next run."""

from __future__ import annotations

import random
import threading
import time

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
                assert may_commit.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert has_written.wait(10)
    Item.objects.create(name="early")
    first = synchronize()
    last_seen = ChangeLog.objects.latest("id").pk
    may_commit.set()
    writer.join()

    second = synchronize()

    assert first.created == 1 and second.created == 1
    assert set(Item.objects.using(REMOTE).values_list("name", flat=True)) == {"early", "late"}
    assert not ChangeLog.objects.filter(pk__gt=last_seen).exists(), "the control did not lose the late one"


def test_objects_of_overlapping_transactions_all_arrive_by_the_run_after_their_commit():
    """Short and long transactions, rollbacks and savepoints, while runs follow one another."""
    random_ = random.Random(7)
    stop = threading.Event()
    committed: dict[str, float] = {}
    lock = threading.Lock()
    overlapped = [0]

    def write(worker: int, per_worker: int) -> None:
        mine = random.Random(worker)
        try:
            for number in range(per_worker):
                name = f"{worker}-{number}"
                keep = mine.random() < 0.8
                try:
                    with transaction.atomic():
                        Item.objects.create(name=name)
                        with transaction.atomic():
                            Item.objects.create(name=f"{name} inner")
                            if mine.random() < 0.3:
                                transaction.set_rollback(True)
                        # SQLite has one writer at a time: long transactions would only make the others wait.
                        time.sleep(mine.random() * (0.05 if connection.vendor == "postgresql" else 0.002))
                        if not keep:
                            raise LookupError
                except LookupError:
                    continue
                with lock:
                    committed[name] = time.monotonic()
                    overlapped[0] += 1
        finally:
            connections.close_all()

    workers = [threading.Thread(target=write, args=(worker, times(15, 150))) for worker in range(4)]
    for worker in workers:
        worker.start()
    naive_last, naive_seen, missed_by_naive = 0, set(), 0
    while not stop.is_set():
        if not any(worker.is_alive() for worker in workers):
            stop.set()
        began = time.monotonic()
        report = synchronize()
        assert not report.failures
        rows = list(ChangeLog.objects.filter(pk__gt=naive_last).values_list("pk", flat=True))
        naive_seen.update(rows)
        naive_last = max([naive_last, *rows])
        arrived = set(Item.objects.using(REMOTE).values_list("name", flat=True))
        with lock:
            overdue = {name for name, at in committed.items() if at < began} - arrived
        assert not overdue, "committed before the run began, and not there after it"
        time.sleep(random_.random() * 0.02)
    for worker in workers:
        worker.join()
    synchronize()

    here = set(Item.objects.values_list("name", flat=True))
    assert here == set(Item.objects.using(REMOTE).values_list("name", flat=True))
    assert committed.keys() <= here
    missed_by_naive = len(set(ChangeLog.objects.values_list("pk", flat=True)) - naive_seen)
    if connection.vendor == "postgresql":
        assert missed_by_naive, "a reader that takes id > last lost nothing: the test proved nothing"
    print(f"transactions: {overlapped[0]}, changes a naive reader would have lost: {missed_by_naive}")
