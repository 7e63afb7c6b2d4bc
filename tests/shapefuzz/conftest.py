"""Projects that a test writes down itself."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from django.apps import apps

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import SIGNALS
from tests.shapefuzz import ledger
from tests.shapefuzz.content import read
from tests.shapefuzz.oracle import Oracle, Sides
from tests.shapefuzz.plans import ModelPlan, Project
from tests.shapefuzz.world import World, opened


@pytest.fixture
def project(request, databases, django_db_blocker, tmp_path):
    """Opens a project on two databases, of one vendor or of two (``sqlite-postgres``); returns its models."""
    with django_db_blocker.unblock(), ExitStack() as stack:

        def open_it(vendor, *models, **settings):
            plans = [_plan(*model) for model in models]
            settings = {"USE_TZ": True, **settings}
            here, _, there = vendor.partition("-")
            project = Project(0, here, there or here, tuple(plans), settings=tuple(settings.items()))
            stack.enter_context(opened(project, databases, tmp_path))
            return [apps.get_model("shapefuzz", plan.name) for plan in plans]

        yield open_it


def _plan(name, bases, *lines):
    """Return the plan of a model; a line after ``Meta:`` belongs there."""
    body = [line for line in lines if not line.startswith("Meta:")]
    meta = [line.removeprefix("Meta:").strip() for line in lines if line.startswith("Meta:")]
    return ModelPlan(name, bases, body or ["pass"], meta)


@pytest.fixture
def judged(databases, tmp_path):
    """Runs, and returns what an oracle says of it that has taken what was there before for known."""

    def judge(vendor, write, tamper=lambda: None, troubled=(), paused=None, **how):
        ledger.forget()
        names = dict.fromkeys(("default", "remote"), "")
        oracle = Oracle(World(Project(0, vendor, vendor, ()), databases, tmp_path, names))
        oracle.world.troubled |= set(troubled)
        oracle.settle(Sides(read("default"), read("remote")))
        oracle.note_keys(read("default"))
        if paused is not None:
            known = read("default")
            with synchro_paused():
                paused()
            oracle.overlook(known, read("default"))
        write()
        before = Sides(read("default"), read("remote"))
        report = synchronize(**how)
        oracle.full = how.get("full", False)
        tamper()
        return oracle.judge(before, Sides(read("default"), read("remote")), report, [])

    return judge


@pytest.fixture(params=["bulk", "one by one"])
def heard(request):
    """Whether somebody listens to all that is written."""
    with ExitStack() as stack:
        for signal in SIGNALS.values() if request.param != "bulk" else ():
            signal.connect(_listen, weak=False)
            stack.callback(signal.disconnect, _listen)
        yield


def _listen(**told):
    pass
