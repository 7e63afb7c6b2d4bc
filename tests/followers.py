"""Followers as processes of their own, and ways to databases that hang or are down."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import ExitStack, contextmanager
from threading import Timer

from django.db import connections

from tests.gate import gate_to
from tests.processes import start

#: Seconds after which something that should happen has not happened.
PATIENCE = 120

#: Seconds in which a follower ends. One is enough; a machine that is busy with other tests may take the others. Whoever
#: waits for what it is busy with takes longer.
WITHIN = 15


#: A follower whose receiver takes so many seconds for each object, and says when it begins.
SLOW = """
import time
import django
django.setup()
from django.core.management import execute_from_command_line
from django.db.models.signals import pre_save
from tests.testapp.models import Item

def take_time(sender, instance, using, **kwargs):
    if using == "remote":
        print("begun", flush=True)
        time.sleep({seconds})

pre_save.connect(take_time, sender=Item)
execute_from_command_line(["manage.py", "synchronize", "--follow", "--json", *{options}])
"""


@contextmanager
def started(*arguments, env):
    process = start(*arguments, env=env)
    guard = Timer(2 * PATIENCE, os.kill, [process.pid, signal.SIGKILL])  # whoever waits for a line of it goes on then
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
        process.kill()
        process.wait()


def following(env, *options):
    return started("-m", "django", "synchronize", "--follow", "--json", *options, env=env)


def slowly_following(env, seconds, *options):
    return started("-c", SLOW.format(seconds=seconds, options=options), env=env)


def stop(process, how=signal.SIGTERM):
    """Stop a process; return what it has said, if it has ended in order, and in time."""
    begun = time.monotonic()
    process.send_signal(how)
    said, complained = process.communicate(timeout=PATIENCE)
    took = time.monotonic() - begun
    assert process.returncode == 0, complained
    assert took < WITHIN
    return said, complained


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def with_databases(env, **changes):
    """Return an environment in which entries of ``DATABASES`` are changed."""
    databases = json.loads(env["SYNCHRO_TEST_DATABASES"])
    for alias, change in changes.items():
        databases[alias] = change(databases[alias])
    return {**env, "SYNCHRO_TEST_DATABASES": json.dumps(databases)}


@contextmanager
def way_to(alias, env, vendor):
    """Yield an environment, and what lets a database hang, or be down, for a process that has it."""
    with ExitStack() as until_end:
        if vendor.name == "postgres":
            gate = until_end.enter_context(gate_to(connections[alias].settings_dict))
            yield with_databases(env, **{alias: gate.settings}), gate
        else:
            locks = Locks(connections[alias].settings_dict["NAME"])
            until_end.callback(locks.open)
            yield with_databases(env, **{alias: locks.settings}), locks


class Locks:
    """Stands for a gate where a database is a file: who has it locked keeps others waiting, or makes them fail."""

    def __init__(self, name):
        self._name, self._lock, self._timeout = name, None, 60

    def settings(self, before):
        return {**before, "OPTIONS": {**before.get("OPTIONS", {}), "timeout": self._timeout}}

    def freeze(self):
        self._lock = sqlite3.connect(self._name, isolation_level=None, check_same_thread=False, timeout=PATIENCE)
        self._lock.execute("BEGIN EXCLUSIVE")

    def open(self):
        if self._lock is not None:
            self._lock.close()
            self._lock = None
