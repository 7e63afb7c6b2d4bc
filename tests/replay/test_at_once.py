"""A follower's run on a small window: one transaction on the remote, without the lease, or nothing at all."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from django.db import connections
from django.db.models import F
from django.db.models.functions import Now

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Checkpoint, Failure
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.log.window import open_window
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from tests.comparing import assert_same
from tests.databases import both, both_committed
from tests.replay.hearing import receiving
from tests.testapp.models import Item, Numbered, Tag, Tagged

LOCAL, REMOTE = "default", "remote"


class Waiting:
    """A follower that has made its first run, with one object, and waits for the next commit."""

    def __init__(self):
        Item.objects.create(name="first")
        self.run = Run(REMOTE, Choices())
        self.run.perform()
        self.checkpoint = load_checkpoint(REMOTE, self.run.source)

    def take(self):
        """Take what is new at once, if that is possible."""
        known = self.checkpoint
        window = open_window(LOCAL, known.position, without_origin=self.run.node, known_row=known.last_row)
        return self.run.perform_at_once(known, window)


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


@both
@pytest.mark.all_pairs
def test_small_window_is_taken_in_one_transaction_with_its_checkpoint():
    waiting = Waiting()
    Item.objects.create(name="second")
    Item.objects.filter(name="first").update(name="changed")
    tagged = Tagged.objects.create(title="t")
    tagged.tags.add(Tag.objects.create(label="a"))

    report = waiting.take()

    assert (report.created, report.updated, report.failures) == (4, 1, [])
    assert_same("testapp")
    after = Checkpoint.objects.using(REMOTE).get()
    assert after.position != waiting.checkpoint.position and after.last_row != waiting.checkpoint.last_row
    assert (after.run_id, after.window_end) == ("", "")
    assert not synchronize().changed


@both_committed
def test_others_see_all_of_a_small_window_with_its_checkpoint_or_nothing():
    waiting = Waiting()
    Item.objects.create(name="second")
    Numbered.objects.create(number=1)
    seen = []

    with closing(connections[REMOTE].copy(REMOTE)) as another:

        def what_others_see():
            with another.cursor() as cursor:
                cursor.execute("SELECT (SELECT count(*) FROM testapp_item), (SELECT count(*) FROM testapp_numbered)")
                counts = cursor.fetchone()
                cursor.execute("SELECT position, last_row FROM synchro_triggers_checkpoint")
                return (*counts, *cursor.fetchone())

        def look(execute, *arguments):
            result = execute(*arguments)
            seen.append(what_others_see())
            return result

        before = what_others_see()
        with connections[REMOTE].execute_wrapper(look):
            assert waiting.take().created == 2
        after = what_others_see()

    assert set(seen) == {before}, "as long as it writes, nobody else sees anything of it"
    assert after[:2] == (2, 1) and after[2:] != before[2:]


@both
@pytest.mark.all_pairs
def test_delete_is_taken_at_once():
    waiting = Waiting()
    Item.objects.all().delete()

    assert waiting.take().deleted == 1
    assert names_there() == [] and not synchronize().changed


def somebody_has_the_lease():
    Checkpoint.objects.using(REMOTE).update(run_id="somebody", run_started=Now(), run_seen=Now())


def another_run_has_taken_it():
    synchronize()


def a_window_was_cut_off():
    Checkpoint.objects.using(REMOTE).update(window_end=F("position"))


def the_time_was_set():
    Checkpoint.objects.using(REMOTE).update(since=Now())


def something_waits_to_be_tried_again():
    Failure.objects.using(REMOTE).create(
        source=Checkpoint.objects.using(REMOTE).get().source,
        model_label="testapp.Item",
        object_pk=str(Item.objects.get(name="second").pk),
        operation="U",
        logged_at="2026-01-01T00:00Z",
        error="kept",
    )


def the_log_was_put_back():
    first = str(Item.objects.get(name="first").pk)
    ChangeLog.objects.filter(object_pk=first).update(model_label="testapp.Other")


def one_object_fails():
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    Numbered.objects.create(number=1, name="ours")


def there_is_much():
    Item.objects.bulk_create(Item(name=f"much {number}") for number in range(101))


ON_THE_REMOTE = [
    somebody_has_the_lease,
    another_run_has_taken_it,
    a_window_was_cut_off,
    the_time_was_set,
    something_waits_to_be_tried_again,
]
ON_LOCAL = [the_log_was_put_back, one_object_fails, there_is_much]


def state_of_remote():
    return (names_there(), *Checkpoint.objects.using(REMOTE).values(), *Failure.objects.using(REMOTE).values())


@both
@pytest.mark.parametrize("reason", ON_THE_REMOTE + ON_LOCAL, ids=lambda reason: reason.__name__)
def test_what_needs_a_closer_look_is_left_to_an_ordinary_run(reason):
    waiting = Waiting()
    Item.objects.create(name="second")
    reason()
    before = state_of_remote()

    assert waiting.take() is None

    assert state_of_remote() == before


@both
@pytest.mark.parametrize("reason", ON_THE_REMOTE, ids=lambda reason: reason.__name__)
def test_what_happens_after_the_look_at_the_checkpoint_is_noticed_before_anything_is_written(reason):
    waiting = Waiting()
    Item.objects.create(name="second")
    before = []

    def happen_after_the_first_look(execute, *arguments):
        result = execute(*arguments)
        if not before:
            before.append("it happens")
            reason()
            before[:] = [state_of_remote()]
        return result

    with connections[REMOTE].execute_wrapper(happen_after_the_first_look):
        assert waiting.take() is None

    assert before == [state_of_remote()]


@both
def test_observed_objects_are_left_to_a_run_with_a_lease():
    """A receiver may take its time, and whoever comes meanwhile shall be told who is at work."""
    waiting = Waiting()
    Item.objects.create(name="second")

    with receiving("post_save", Item, lambda **told: None):
        assert waiting.take() is None
    assert waiting.take().created == 1


@both_committed
def test_run_that_comes_meanwhile_waits_and_finds_nothing_left():
    waiting = Waiting()
    Item.objects.create(name="second")
    inside, release, reports = threading.Event(), threading.Event(), {}

    def take_slowly():
        def wait_before_the_insert(execute, sql, *arguments):
            if sql.startswith("INSERT") and "testapp_item" in sql:
                inside.set()
                assert release.wait(60)
            return execute(sql, *arguments)

        with connections[REMOTE].execute_wrapper(wait_before_the_insert):
            return waiting.take()

    def in_thread(name, work):
        def run():
            try:
                reports[name] = work()
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    follower = in_thread("follower", take_slowly)
    assert inside.wait(60)
    other = in_thread("other", synchronize)
    other.join(0.5)
    assert other.is_alive()
    release.set()
    follower.join()
    other.join()

    assert reports["follower"].created == 1 and not reports["other"].changed
    assert names_there() == ["first", "second"]
