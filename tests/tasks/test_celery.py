"""``synchro_triggers.contrib.celery``, with a real broker and workers that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers.models import Failure, Run
from tests.databases import ALIASES, both_committed
from tests.redis_server import broker, reason_for_none
from tests.tasks.workers import Queue, until
from tests.testapp.models import Item

_, REMOTE = ALIASES

pytestmark = [
    both_committed,
    pytest.mark.skipif(bool(reason_for_none()), reason=reason_for_none() or "-"),
]


@pytest.fixture(scope="module")
def url():
    with broker() as found:
        yield found


@pytest.fixture
def queue(url, process_env):
    queue = Queue(url, process_env)
    yield queue
    queue.close()


def names_there():
    return sorted(Item.objects.using(REMOTE).values_list("name", flat=True))


def create(number):
    Item.objects.bulk_create([Item(name=f"{each:03}") for each in range(number)])
    return [f"{each:03}" for each in range(number)]


def test_worker_brings_changes_to_all_remotes(queue):
    names = create(3)
    with queue.worker():
        tasks = queue.result_of(queue.put("synchronize_all", expires=60).id)
        done = queue.result_of(tasks[REMOTE])
        again = queue.result_of(queue.put("synchronize_remote", REMOTE).id)

    assert [*tasks] == [REMOTE] and names_there() == names
    assert (done["remote"], done["created"], done["failed"], done["is_cut"]) == (REMOTE, 3, 0, False)
    assert again["created"] == 0
    assert {run.begun_by for run in Run.objects.all()} == {"celery"}


@pytest.mark.whole
@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_other_pools_do_the_same(queue, pool):
    names = create(3)
    with queue.worker("--pool", pool):
        for _ in range(2):
            done = queue.result_of(queue.put("synchronize_remote", REMOTE).id)

    assert names_there() == names and done["created"] == 0


@pytest.mark.whole
def test_worker_that_is_killed_in_the_middle_has_lost_and_doubled_nothing(queue):
    names = create(40)
    with queue.worker(slow=0.1, SYNCHRO_TEST_BATCH_SIZE="5") as worker:
        queue.put("synchronize_remote", REMOTE)
        until(lambda: len(names_there()) >= 5, lambda: worker.said)
        worker.kill()
    there = len(names_there())
    assert 5 <= there < 40

    with queue.worker():
        done = queue.result_of(queue.put("synchronize_remote", REMOTE).id)

    assert names_there() == names and done["created"] == 40 - there
    assert [run.outcome for run in Run.objects.order_by("id")] == ["", "done"]


@pytest.mark.whole
def test_task_that_is_lost_with_its_worker_is_given_to_another_one(url, process_env):
    queue = Queue(url, process_env, broker_transport_options={"visibility_timeout": 3})
    names = create(30)
    with queue.worker(slow=0.1, SYNCHRO_TEST_BATCH_SIZE="5") as worker:
        task = queue.put("synchronize_remote", REMOTE)
        until(lambda: len(names_there()) >= 5, lambda: worker.said)
        worker.kill()

    time.sleep(4)  # a worker looks for lost tasks when it starts, and then every 100 seconds
    with queue.worker() as worker:
        until(lambda: names_there() == names, lambda: worker.said)
        queue.result_of(task.id)
    queue.close()


@pytest.mark.whole
def test_child_that_is_killed_is_a_failed_task_and_the_next_one_goes_on(queue):
    names = create(40)
    with queue.worker(slow=0.1, SYNCHRO_TEST_BATCH_SIZE="5") as worker:
        task = queue.put("synchronize_remote", REMOTE)
        until(lambda: len(names_there()) >= 5, lambda: worker.said)
        [child] = worker.children()
        os.kill(child, signal.SIGKILL)
        with pytest.raises(Exception, match=r"SIGKILL|signal 9"):
            queue.result_of(task.id)
        queue.result_of(queue.put("synchronize_remote", REMOTE).id)

    assert names_there() == names


@pytest.mark.whole
def test_two_tasks_at_the_same_time_are_one_after_the_other(queue):
    names = create(20)
    with queue.worker(slow=0.2, SYNCHRO_TEST_BATCH_SIZE="5"), queue.worker():
        first = queue.put("synchronize_remote", REMOTE)
        second = queue.put("synchronize_remote", REMOTE)
        results = [queue.result_of(task.id, timeout=600) for task in (first, second)]

    assert names_there() == names and sorted(each["created"] for each in results) == [0, 20]
    assert "busy" in {run.outcome for run in Run.objects.all()}


@pytest.mark.whole
def test_remote_that_is_down_is_tried_again(url, process_env, vendor, tmp_path):
    """A way to the remote that is broken, and mended while the task waits."""
    names, databases = create(3), json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    way = tmp_path / "way"
    if vendor.remote == "sqlite":
        databases[REMOTE]["NAME"] = str(way / "there.sqlite3")
    else:
        databases[REMOTE]["HOST"] = str(way)
    queue = Queue(url, {**process_env, "SYNCHRO_TEST_DATABASES": json.dumps(databases)})
    with queue.worker() as worker:
        task = queue.put("synchronize_remote", REMOTE)
        until(lambda: "Retry in" in worker.said, lambda: worker.said)
        if vendor.remote == "sqlite":
            way.mkdir()
            (way / "there.sqlite3").symlink_to(connections[REMOTE].settings_dict["NAME"])
        else:
            way.symlink_to(connections[REMOTE].settings_dict["HOST"])
        done = queue.result_of(task.id)
    queue.close()

    assert names_there() == names and done["created"] == 3


@pytest.mark.whole
def test_task_whose_time_is_over_leaves_the_rest_to_another_one(queue):
    names = create(20)
    with queue.worker(slow=0.1) as worker:
        done = queue.result_of(queue.put("synchronize_remote", REMOTE, seconds=0.5).id)
        until(lambda: names_there() == names, lambda: worker.said)
        until(lambda: Run.objects.filter(outcome="").count() == 0)

    assert done["is_cut"] and 0 < done["created"] < 20
    assert not Failure.objects.using(REMOTE).exists()
    assert sum(run.written for run in Run.objects.all()) == 20


@pytest.mark.whole
@pytest.mark.parametrize("full", [False, True])
def test_soft_limit_ends_it_in_order(url, process_env, full):
    """Its error in the receiver of an object would be that object's failure."""
    queue = Queue(url, process_env, task_soft_time_limit=1)
    names = create(20)
    with queue.worker(slow=0.1) as worker:
        done = queue.result_of(queue.put("synchronize_remote", REMOTE, full=full).id)
        if full:  # it would begin anew
            time.sleep(1)
            assert worker.said.count(" received") == 1
        else:
            until(lambda: names_there() == names, lambda: worker.said)
    queue.close()

    assert done["is_cut"] and 0 < done["created"] < 20 and done["failed"] == 0
    assert not Failure.objects.using(REMOTE).exists()


@pytest.mark.whole
def test_hard_limit_ends_a_task_that_hangs(url, process_env):
    limit = {"synchro_triggers.synchronize_remote": {"time_limit": 2}}
    queue = Queue(url, process_env, task_annotations=limit)
    names = create(3)
    with queue.worker(slow=60) as worker:
        task = queue.put("synchronize_remote", REMOTE)
        with pytest.raises(Exception, match=r"TimeLimitExceeded|time limit"):
            queue.result_of(task.id)
        until(lambda: "Hard time limit" in worker.said)
    with queue.worker():
        queue.result_of(queue.put("synchronize_remote", REMOTE).id)
    queue.close()

    assert names_there() == names


@pytest.mark.whole
def test_refusal_is_not_tried_again(queue):
    create(1)
    call_command("synchro_install_triggers", "--uninstall", verbosity=0)
    with queue.worker() as worker:
        with pytest.raises(Exception, match="The triggers on 'default' do not fit"):
            queue.result_of(queue.put("synchronize_remote", REMOTE).id)
        assert "Retry in" not in worker.said


def test_core_imports_nothing_of_what_contrib_connects_with(process_env):
    code = "import django; django.setup(); import synchro_triggers.urls, synchro_triggers.replay.synchronizing, sys; "
    code += "print(sorted({'celery', 'django_tasks', 'health_check', 'prometheus_client'} & {*sys.modules}))"

    done = subprocess.run([sys.executable, "-c", code], env=process_env, capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr
