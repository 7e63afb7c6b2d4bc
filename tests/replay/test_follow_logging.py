"""What a follower says by ``logging``: with fields that are documented, and no secrets."""

from __future__ import annotations

import logging
import re
from itertools import chain, repeat
from logging.config import DictConfigurator
from pathlib import Path
from threading import Timer

import pytest
from django.db import OperationalError, connections

from synchro_triggers.replay import follow
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.report import COUNTED
from tests.databases import both_committed
from tests.testapp.models import Item, Numbered

pytestmark = both_committed

LOCAL, REMOTE = "default", "remote"
LOGGER = "synchro_triggers.follow"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "service.md"


def logged(caplog, is_enough, **options):
    """Follow until there is a record that is enough; return all of them."""
    follower = Follower(interval=0.01, **options)

    class Stops(logging.Handler):
        def emit(self, record):
            if is_enough(record):
                follower.stop()

    handler, guard = Stops(), Timer(20, follower.stop)
    logging.getLogger(LOGGER).addHandler(handler)
    guard.start()
    try:
        with caplog.at_level(logging.DEBUG, logger="synchro_triggers"):
            follower.run()
    finally:
        logging.getLogger(LOGGER).removeHandler(handler)
        guard.cancel()
    return [record for record in caplog.records if record.name == LOGGER]


def fields_of(record):
    return (record.levelname, record.remote, record.alias, record.model)


def test_run_is_told_with_its_counts_and_what_is_kept_as_a_warning(caplog):
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    Item.objects.create(name="a")
    Numbered.objects.create(number=1, name="ours")

    begun, run, *models, kept, ended = logged(caplog, lambda record: record.levelname == "WARNING")

    assert fields_of(begun) == ("INFO", REMOTE, REMOTE, None) and fields_of(ended) == ("INFO", None, LOCAL, None)
    assert ended.seconds >= run.seconds > 0
    assert fields_of(run) == ("INFO", REMOTE, REMOTE, None)
    assert run.counts == {**dict.fromkeys(COUNTED, 0), "created": 1, "failed": 1}
    assert [fields_of(each) for each in models] == [
        ("DEBUG", REMOTE, REMOTE, "testapp.Item"),
        ("DEBUG", REMOTE, REMOTE, "testapp.Numbered"),
    ]
    assert fields_of(kept) == ("WARNING", REMOTE, REMOTE, "testapp.Numbered") and kept.counts == {"failed": 1}
    assert run.getMessage() == "remote: 1 created, 1 failed"


def test_trouble_is_told_once_and_its_end_without_what_opens_a_database(caplog, monkeypatch):
    works = follow.commit_mark
    monkeypatch.setitem(connections.settings[LOCAL], "PASSWORD", "sesame")
    errors = chain(
        [OperationalError(f"no connection, try {n}: password=sesame 'sesame'") for n in range(4)], repeat(None)
    )

    def fails(alias):
        if (error := next(errors)) is not None:
            raise error
        return works(alias)

    monkeypatch.setattr(follow, "commit_mark", fails)

    records = logged(caplog, lambda record: "all is well" in record.getMessage())

    _, trouble, cured, *_ = records
    assert [each.levelname for each in (trouble, cured)] == ["WARNING", "INFO"]
    assert (trouble.remote, trouble.alias) == (cured.remote, cured.alias) == (None, LOCAL)
    assert cured.seconds > 0.5  # 0.1, 0.2 and 0.4 s between the tries
    assert "no connection" in caplog.text and "sesame" not in caplog.text
    assert "sesame" not in repr([vars(record) for record in records])


def test_every_record_has_the_fields_of_the_page_and_no_others(caplog):
    Item.objects.create(name="a")
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}

    records = logged(caplog, lambda record: record.levelname == "DEBUG")

    section = PAGE.read_text().split("## What it logs\n", 1)[1].split("\n## ", 1)[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert len(records) >= 4
    assert [vars(record).keys() - usual for record in records] == [documented] * len(records)
    # A format may name them all, in records of other loggers, too.
    formatter = logging.Formatter("%(remote)s %(counts)s", defaults=dict.fromkeys(documented))
    assert formatter.format(logging.makeLogRecord({})) == "None None"
    assert all(formatter.format(record) for record in records)


def test_set_up_of_the_page_formats_records_of_all_loggers():
    [block] = re.findall(r"```python\n(LOGGING = .*?)```", PAGE.read_text(), re.DOTALL)
    exec(block, found := {})
    formatter = DictConfigurator(found["LOGGING"]).configure_formatter(dict(found["LOGGING"]["formatters"]["line"]))

    other = logging.makeLogRecord({"msg": "of another logger", "levelname": "WARNING"})
    own = logging.makeLogRecord({"msg": "remote: 1 created", "remote": "remote", "seconds": 0.2})

    assert formatter.format(other).endswith("WARNING of another logger remote=None seconds=None")
    assert formatter.format(own).endswith("remote: 1 created remote=remote seconds=0.2")


@pytest.mark.parametrize("pull", [False, True])
def test_remote_is_the_other_database_whichever_way_changes_go(caplog, pull):
    Item.objects.using(REMOTE if pull else LOCAL).create(name="a")

    records = logged(caplog, lambda record: record.model == "testapp.Item", pull=pull)

    told = next(record for record in records if record.model)
    assert (told.remote, told.alias) == (REMOTE, LOCAL if pull else REMOTE)
