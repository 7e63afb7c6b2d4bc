"""A run that is made in parts: each ends after its time, the next goes on, and all of them are one run on record."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from synchro_triggers import synchro_paused
from synchro_triggers.exceptions import Refused, RunUnderWay
from synchro_triggers.models import Checkpoint, Failure, Run
from synchro_triggers.replay import backlog
from synchro_triggers.replay.choices import Deadline, Looked
from synchro_triggers.replay.meeting import in_parts
from synchro_triggers.replay.meeting.first_meeting import Meeting
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.state.lease import Lease
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.status.remote import read_status, time_at
from synchro_triggers.replay.synchronizing import retry_failures, synchronize
from tests.databases import both
from tests.testapp.models import Ambiguous, Item, Keyed

REMOTE = "remote"

#: Seconds of a part: it ends after its first transaction.
SHORT = 0.0

pytestmark = both


@pytest.fixture(autouse=True)
def one_object_a_transaction(settings):
    settings.SYNCHRO_BATCH_SIZE = 1


def make_part(run=synchronize, **options):
    return run(REMOTE, interrupted=Deadline(SHORT), in_parts=True, **options)


def keep_failures(number):
    for name in map(str, range(number)):
        Ambiguous.objects.using(REMOTE).bulk_create([Ambiguous(name=name), Ambiguous(name=name)])
        Ambiguous.objects.create(name=name)
    synchronize(REMOTE)
    assert Failure.objects.using(REMOTE).count() == number


def test_parts_bring_everything_and_are_one_run_on_record():
    for name in "abc":
        Item.objects.create(name=name)

    reports = [make_part(by="page: ann"), make_part(by="page: bob")]
    paused = Run.objects.get()
    reports += [make_part(), make_part()]

    assert [report.is_cut for report in reports] == [True, True, False, False]
    assert (paused.outcome, paused.written) == ("paused", 2)
    assert [report.created for report in reports] == [1, 1, 1, 0]
    assert Item.objects.using(REMOTE).count() == 3
    [nothing, run] = read_status(REMOTE).runs
    assert (run.outcome, run.written, run.begun_by) == ("done", 3, "page: ann")
    assert nothing.outcome == "nothing to do"


def test_what_goes_on_later_is_another_run():
    for name in "ab":
        Item.objects.create(name=name)
    make_part()
    Run.objects.update(ended_at=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2))

    make_part()

    assert list(Run.objects.order_by("id").values_list("outcome", "written")) == [("paused", 1), ("done", 1)]


def test_other_runs_do_not_take_up_a_part():
    for name in "ab":
        Item.objects.create(name=name)
    make_part()

    synchronize(REMOTE, by="command")

    assert list(Run.objects.order_by("id").values_list("outcome", "written")) == [("paused", 1), ("done", 1)]


def test_failures_are_tried_again_once_in_all_parts():
    keep_failures(3)
    begun = time_at(REMOTE)

    reports = [make_part(retry_failures, untried_since=begun)]
    while reports[-1].is_cut:
        assert len(reports) < 10
        reports.append(make_part(retry_failures, untried_since=begun))

    assert len(reports) >= 3
    assert set(Failure.objects.using(REMOTE).values_list("runs", flat=True)) == {2}


def test_who_makes_parts_asks_whether_another_run_has_ended_and_that_is_not_on_record():
    Item.objects.create(name="a")

    with Lease(REMOTE, node_id("default")).held(), pytest.raises(RunUnderWay):
        make_part()

    assert not Run.objects.exists()


def test_dry_run_that_is_cut_says_so():
    for name in "ab":
        Item.objects.create(name=name)

    report = synchronize(REMOTE, dry_run=True, interrupted=Deadline(SHORT))

    assert report.is_cut and report.created == 1
    assert not Item.objects.using(REMOTE).exists()


def test_only_the_first_part_looks_through_the_log(monkeypatch):
    looked_through = []
    monkeypatch.setattr(Meeting, "look_through", lambda self, window: looked_through.append(window.rows))
    for name in "abc":
        Item.objects.create(name=name)

    while make_part().is_cut:
        pass

    assert looked_through[0] == 3 and not any(looked_through[1:])


def test_what_may_be_there_already_is_refused_in_a_later_part_too():
    for name in "ab":
        Item.objects.create(name=name)
    make_part()
    with synchro_paused(), synchro_paused(using=REMOTE):
        unseen = Item.objects.create(pk=1000, name="c")
        Item.objects.using(REMOTE).create(pk=1000, name="c")
        Item.objects.using(REMOTE).create(pk=1001, name="d")
    Item.objects.filter(pk=unseen.pk).update(cash=5)

    with pytest.raises(Refused, match="may be on 'remote' already"):
        while make_part().is_cut:
            pass

    assert Item.objects.using(REMOTE).filter(name="c").count() == 1


@pytest.fixture
def long_log(settings, monkeypatch):
    """Let pages have three log rows; the first nine are of objects that are not sent any more."""
    monkeypatch.setattr(backlog, "PAGE_ROWS", 3)
    for number in range(9):
        Keyed.objects.create(code=str(number))
    settings.SYNCHRO_MODELS = ("testapp.Item",)
    Item.objects.create(name="a")


def window_after():
    return Checkpoint.objects.using(REMOTE).get(source=node_id("default")).window_after


@pytest.mark.usefixtures("long_log")
def test_part_ends_where_nothing_of_many_rows_is_to_be_applied_and_the_next_goes_on_behind_them():
    reports, reached = [make_part()], [window_after()]
    while reports[-1].is_cut:
        assert len(reports) < 10
        reports.append(make_part())
        reached.append(window_after())

    assert len(reports) > 2 and reached[:-1] == sorted({*reached[:-1]}) and reached[0] > 0
    assert sum(report.told.get(Told.SKIPPED, 0) for report in reports) == 9  # each once
    assert Item.objects.using(REMOTE).get().name == "a"
    assert [run.outcome for run in Run.objects.all()] == ["done"]
    assert read_status(REMOTE).pending_rows == 0


@pytest.mark.usefixtures("long_log")
def test_dry_run_ends_there_too():
    dry = synchronize(REMOTE, dry_run=True, interrupted=Deadline(SHORT))

    assert dry.is_cut and dry.told == {Told.SKIPPED: 6}  # of the page whose end was the first moment, and of the next


# What is told ------------------------------------------------------------------------------------


def told_in_parts():
    """Make all parts; return what was told of which objects, by kind, each as often as it was told."""
    told = []
    for _ in range(20):
        report = make_part()
        told += [(remark.kind, remark.key) for remark in report.remarks]
        if not report.is_cut:
            return told
    raise AssertionError("it comes to no end")


def test_what_has_vanished_is_told_once_by_the_part_that_comes_to_it():
    item = Item.objects.create(name="x")
    synchronize(REMOTE)
    Item.objects.update(name="y")
    with synchro_paused():
        Item.objects.all().delete()
    Item.objects.bulk_create(Item(name=str(number)) for number in range(3))

    assert told_in_parts() == [(Told.VANISHED, str(item.pk))]
    assert Item.objects.using(REMOTE).filter(name="x").exists()


def test_what_a_later_part_deletes_has_not_vanished():
    Item.objects.create(name="x")
    synchronize(REMOTE)
    Item.objects.update(name="y")
    Item.objects.bulk_create(Item(name=str(number)) for number in range(3))
    Item.objects.filter(name="y").delete()

    assert told_in_parts() == []
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["0", "1", "2"]


@pytest.mark.parametrize("is_logged", [False, True])
def test_row_that_is_left_to_another_object_is_told_by_the_part_that_leaves_it(is_logged):
    gone = Keyed.objects.create(code="x")
    synchronize(REMOTE)
    key = gone.pk
    gone.delete()
    with synchro_paused():
        new = Keyed.objects.create(code="x", cash=5)
    Item.objects.bulk_create(Item(name=str(number)) for number in range(3))
    if is_logged:
        Keyed.objects.filter(pk=new.pk).update(cash=6)

    assert told_in_parts() == ([] if is_logged else [(Told.HANDED_ON, str(key))])
    assert Keyed.objects.using(REMOTE).get().cash == (6 if is_logged else 0)


# A long log is looked through before anything is written ---------------------------------------------


def looking(monkeypatch, rows=2):
    """Let so many log rows be looked through at a time; return the list of which are: behind, and up to."""
    monkeypatch.setattr(in_parts, "ROWS", rows)
    look_through, seen = Meeting.look_through, []

    def look(self, window, after=0, until=None):
        if window.rows:
            seen.append((after, until))
        look_through(self, window, after, until)

    monkeypatch.setattr(Meeting, "look_through", look)
    return seen


def looking_parts(looked, at_most=30):
    """Make all parts; return their reports."""
    reports = []
    while not reports or reports[-1].is_cut:
        assert len(reports) < at_most
        looked_before = dataclasses.replace(looked)
        reports.append(make_part(looked=looked))
        assert looked != looked_before or reports[-1].models or not reports[-1].is_cut  # each gets something done
    return reports


def test_log_is_looked_through_part_by_part_and_no_row_of_it_twice(monkeypatch):
    for number in range(7):
        Item.objects.create(name=str(number))
    seen, looked = looking(monkeypatch), Looked()

    reports = looking_parts(looked)

    assert len(seen) == 4 and [after for after, _ in seen[1:]] == [until for _, until in seen[:-1]]
    assert [report.created for report in reports] == [0, 0, *([1] * 7)]  # a part asks the clock for the first time
    assert [(run.outcome, run.written) for run in Run.objects.all()] == [("done", 7)]
    assert Item.objects.using(REMOTE).count() == 7


def test_what_is_logged_while_the_log_is_looked_through_comes_too(monkeypatch):
    Item.objects.bulk_create(Item(name=str(number)) for number in range(5))
    seen, looked = looking(monkeypatch), Looked()

    assert make_part(looked=looked).is_cut and not Item.objects.using(REMOTE).exists()
    Item.objects.bulk_create(Item(name=f"new{number}") for number in range(3))
    looking_parts(looked)

    assert Item.objects.using(REMOTE).count() == 8
    assert len(seen) == len({after for after, _ in seen}) == 5


def test_part_that_looks_through_the_log_refuses_what_may_be_there_already(monkeypatch):
    Item.objects.create(pk=1, name="known")  # what a sequence gives may be above the others
    synchronize(REMOTE)
    with synchro_paused(), synchro_paused(using=REMOTE):
        unseen = Item.objects.create(pk=1000, name="c")
        Item.objects.using(REMOTE).create(pk=1000, name="c")
    for number in range(5):
        Item.objects.create(pk=2000 + number, name=str(number))
    Item.objects.filter(pk=unseen.pk).update(cash=5)
    for number in range(5):
        Item.objects.create(pk=3000 + number, name=str(number))
    looking(monkeypatch)

    with pytest.raises(Refused, match="may be on 'remote' already"):
        looking_parts(Looked())

    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["c", "known"]


def test_object_that_an_earlier_part_has_seen_being_made_is_in_no_doubt(monkeypatch):
    with synchro_paused(using=REMOTE):
        Item.objects.using(REMOTE).create(name="there")
    synchronize(REMOTE)
    item = Item.objects.create(name="a")
    Item.objects.bulk_create(Item(name=str(number)) for number in range(4))
    Item.objects.filter(pk=item.pk).update(cash=5)
    notice, noticed = Meeting._notice, []
    monkeypatch.setattr(Meeting, "_notice", lambda self, root, keys: notice(self, root, noticed.extend(keys) or ()))
    looking(monkeypatch)

    looking_parts(Looked())

    assert not noticed and Item.objects.using(REMOTE).get(name="a").cash == 5


def test_looking_begins_anew_where_another_run_has_come_in_between(monkeypatch):
    for number in range(5):
        Item.objects.create(name=str(number))
    looking(monkeypatch)
    looked = Looked()
    make_part(looked=looked)
    behind = looked.of
    synchronize(REMOTE)
    Item.objects.create(name="new")

    looking_parts(looked)

    assert looked.of != behind
    assert Item.objects.using(REMOTE).count() == 6


def test_dry_run_and_runs_of_others_look_through_everything(monkeypatch):
    for number in range(5):
        Item.objects.create(name=str(number))
    seen = looking(monkeypatch)

    synchronize(REMOTE, dry_run=True)
    make_part()

    assert seen == [(0, None), (0, None)]


# What is left out, where a part ends in the middle of a page --------------------------------------


@pytest.fixture
def among_others(settings):
    """Log objects that are not sent any more among those that are; return the keys of the first."""
    keys = []
    for number in range(4):
        Item.objects.create(name=str(number))
        keys.append(str(Keyed.objects.create(code=str(number)).pk))
    Keyed.objects.filter(pk=keys[0]).update(cash=1)
    settings.SYNCHRO_MODELS = ("testapp.Item",)
    return keys


def test_what_is_not_sent_is_told_once_where_parts_end_in_the_middle_of_a_page(among_others):
    assert sorted(told_in_parts()) == sorted((Told.SKIPPED, key) for key in among_others)


@pytest.mark.usefixtures("among_others")
def test_run_that_is_cut_there_tells_what_the_next_does_not_come_to():
    first = synchronize(REMOTE, interrupted=Deadline(SHORT))
    second = synchronize(REMOTE)

    assert first.is_cut and first.created == 1 and second.created == 3
    assert first.told.get(Told.SKIPPED, 0) + second.told[Told.SKIPPED] == 4
