"""What a worker of the tests loads: Celery's app of a project with this package's tasks."""

from __future__ import annotations

import json
import os
import time

from celery import Celery
from celery.signals import worker_process_init

app = Celery("tests")
app.conf.update(
    broker_url=os.environ["SYNCHRO_TEST_BROKER_URL"],
    result_backend=os.environ["SYNCHRO_TEST_BROKER_URL"],
    imports=["synchro_triggers.contrib.celery"],
    worker_prefetch_multiplier=1,
    **json.loads(os.environ.get("SYNCHRO_TEST_CELERY", "{}")),
)


@worker_process_init.connect
def be_slow(**kwargs: object) -> None:
    """Let each object take its time, where a test wants to come in between."""
    seconds = float(os.environ.get("SYNCHRO_TEST_SLOW", "0"))
    if not seconds:
        return
    from django.db.models.signals import pre_save

    from tests.testapp.models import Item

    def take_time(using: str, **kwargs: object) -> None:
        if using != "default":
            time.sleep(seconds)

    pre_save.connect(take_time, sender=Item, weak=False)
