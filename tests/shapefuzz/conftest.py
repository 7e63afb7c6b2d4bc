"""Projects that a test writes down itself."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from django.apps import apps

from tests.replay.hearing import SIGNALS
from tests.shapefuzz.plans import ModelPlan, Project
from tests.shapefuzz.world import opened


@pytest.fixture
def project(request, databases, django_db_blocker, tmp_path):
    """Opens a project on two databases of one vendor; returns its models."""
    with django_db_blocker.unblock(), ExitStack() as stack:

        def open_it(vendor, *models, **settings):
            plans = [ModelPlan(name, bases, lines) for name, bases, *lines in models]
            settings = {"USE_TZ": True, **settings}
            project = Project(0, vendor, vendor, tuple(plans), settings=tuple(settings.items()))
            stack.enter_context(opened(project, databases, tmp_path))
            return [apps.get_model("shapefuzz", plan.name) for plan in plans]

        yield open_it


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
