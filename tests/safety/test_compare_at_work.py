"""Comparing while users write and a follower replays: nothing is called a difference that is none."""

from __future__ import annotations

import json
import signal
import time

from synchro_triggers import compare
from synchro_triggers.models import ChangeLog
from tests.databases import both_committed
from tests.processes import start
from tests.testapp.models import Item

#: A user who makes, changes and deletes objects.
USER = """
import random, time, django
django.setup()
from django.db import OperationalError, transaction
from tests.testapp.models import Item, Tag, Tagged

chance = random.Random(1)
end = time.monotonic() + 300
while time.monotonic() < end:
    try:
        with transaction.atomic():
            keys = list(Item.objects.values_list("pk", flat=True))
            Item.objects.create(name=str(chance.random()))
            Item.objects.filter(pk=chance.choice(keys)).update(name=str(chance.random()))
            if len(keys) > 60:
                Item.objects.filter(pk=chance.choice(keys)).delete()
            tagged = Tagged.objects.get_or_create(title="t")[0]
            tag = Tag.objects.get_or_create(label=chance.choice("abcdefgh"))[0]
            chance.choice((tagged.tags.add, tagged.tags.remove))(tag)
    except OperationalError as error:  # SQLite: a transaction that has read is refused where another one writes
        if "locked" not in str(error):
            raise
    time.sleep(0.002)
"""


@both_committed
def test_nothing_differs_while_users_write_and_a_follower_replays(process_env):
    Item.objects.bulk_create(Item(name=str(number)) for number in range(50))
    user = start("-c", USER, env=process_env)
    follower = start("-m", "django", "synchronize", "--follow", "-v", "0", env=process_env)
    reports = []
    try:
        while ChangeLog.objects.count() < 100 and user.poll() is None:
            time.sleep(0.05)
        reports += [compare(models=["testapp.Item", "testapp.Tag", "testapp.Tagged"]) for _ in range(5)]
        assert user.poll() is None and follower.poll() is None, "nobody was at work"
        user.kill()
        deadline = time.monotonic() + 60
        while not compare().equal and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        user.kill()
        follower.send_signal(signal.SIGTERM)
        for process in (user, follower):
            process.communicate(timeout=600)

    assert [json.dumps(each.as_dict()["differences"]) for each in reports if each.differs] == []
    assert all(each.models["remote"]["testapp.Item"].local < 150 for each in reports), "it ran after what was new"
    assert compare().equal
