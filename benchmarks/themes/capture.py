"""What a write costs with the log being kept: bulk writes, and single saves, in one transaction each."""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from django.apps import apps
from django.db import connection, connections, transaction
from django.db.models import F, Model
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from synchro_triggers import synchro_paused

from ..harness import Results, check, take_turns, timed
from ..sizes import Sizes

UNIT = "µs/row"
NOTHING = "no capture"
OURS = "synchro_triggers"
PAUSED = "synchro_triggers, paused"
STATEMENT = "django-pghistory, statement"
BARE = "bare trigger"

#: In the order in which a round does them.
MEASURES = ("bulk_create()", "INSERT … SELECT", "update()", "delete()", "save(), new", "save(), changed")
SAVES = ("save(), new", "save(), changed")
BATCH = 5_000
_SIZES = ("capture_rows", "capture_saves", "capture_slow_rows", "capture_slow_saves")
MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Contender(ABC):
    """A model that is captured in some way, and the log of it.

    Attributes:
        slow: it works row by row in Python, and is given fewer rows.
        blind: measures whose writes it does not see.
    """

    slow = False
    blind: tuple[str, ...] = ()

    def __init__(self, app: str) -> None:
        self.model: type[Model] = apps.get_model(app, "Row")

    @property
    @abstractmethod
    def log_table(self) -> str: ...

    def around(self) -> AbstractContextManager[Any]:
        """Return what every measured write stands in."""
        return nullcontext()

    def expected(self, rows: int) -> int:
        """Return how many log rows that many written rows should make."""
        return rows

    def logged(self) -> int:
        return _count(self.log_table) if self.log_table else 0

    def bulk_create(self, rows: list[Any]) -> None:
        self.model._default_manager.bulk_create(rows, batch_size=BATCH)

    def prepare_update(self) -> Callable[[], object]:
        return lambda: self.model._default_manager.update(number=F("number") + 1)

    def clear(self) -> None:
        """Empty table and log."""
        tables = [table for table in (self.model._meta.db_table, self.log_table) if table]
        with synchro_paused(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            else:
                for table in tables:
                    cursor.execute(f"DELETE FROM {table}")


class Plain(Contender):
    log_table = ""

    def expected(self, rows: int) -> int:
        return 0


class Captured(Contender):
    log_table = "synchro_triggers_changelog"


class Paused(Captured):
    def around(self) -> AbstractContextManager[Any]:
        return synchro_paused()

    def expected(self, rows: int) -> int:
        return 0


class Bare(Contender):
    log_table = "bare_entry"


class Tracked(Contender):
    @property
    def log_table(self) -> str:
        return str(apps.get_model(self.model._meta.app_label, "RowEvent")._meta.db_table)


class Signalled(Contender):
    log_table = "signalled_entry"
    slow = True
    blind = ("bulk_create()", "INSERT … SELECT", "update()")


class Audited(Contender):
    log_table = "auditlog_logentry"
    slow = True
    blind = ("bulk_create()", "INSERT … SELECT", "update()")


class Simple(Contender):
    """Its own functions stand for bulk_create() and update(), which it does not see."""

    log_table = "simple_historicalrow"
    slow = True
    blind = ("INSERT … SELECT",)

    def bulk_create(self, rows: list[Any]) -> None:
        bulk_create_with_history(rows, self.model, batch_size=BATCH)

    def prepare_update(self) -> Callable[[], object]:
        rows: list[Any] = list(self.model._default_manager.all())
        for row in rows:
            row.number += 1
        return lambda: bulk_update_with_history(rows, self.model, ["number"], batch_size=500)


def run(vendor: str, sizes: Sizes) -> Results:
    contenders: dict[str, Contender] = {NOTHING: Plain("plain"), OURS: Captured("captured"), PAUSED: Paused("captured")}
    if vendor == "postgres":
        contenders["django-pghistory, row"] = Tracked("tracked_row")
        contenders[STATEMENT] = Tracked("tracked_statement")
    else:
        _make_bare_triggers()
        contenders[BARE] = Bare("bare")
    contenders["django-auditlog"] = Audited("audited")
    contenders["django-simple-history"] = Simple("simple")
    contenders["signal handlers"] = Signalled("signalled")

    def round_of(contender: Contender, sizes: Sizes) -> Callable[[], dict[str, float]]:
        return lambda: _do_round(contender, sizes)

    small = replace(sizes, **{name: max(2, getattr(sizes, name) // 20) for name in _SIZES})
    take_turns({name: round_of(contender, small) for name, contender in contenders.items()}, 0)
    rounds = {name: round_of(contender, sizes) for name, contender in contenders.items()}
    found = take_turns(rounds, sizes.rounds, warm_up=False)
    results = Results(baseline=NOTHING)
    for measure in MEASURES:
        for name, contender in contenders.items():
            if runs := found.get((measure, name)):
                results.add(measure, name, UNIT, runs, _note(contender, measure, sizes))
            else:
                results.add_missing(measure, name, UNIT, "not captured")
    _set_targets(results, vendor)
    results.notes.append(
        f"{sizes.capture_rows:,} rows a bulk write, {sizes.capture_saves:,} saves, one transaction each; "
        "the log is counted after every write."
    )
    results.notes.append("django-simple-history: its own bulk_create_with_history() and bulk_update_with_history().")
    return results


def _note(contender: Contender, measure: str, sizes: Sizes) -> str:
    if not contender.slow:
        return ""
    return f"{sizes.capture_slow_saves:,} saves" if measure in SAVES else f"{sizes.capture_slow_rows:,} rows"


def _set_targets(results: Results, vendor: str) -> None:
    if vendor == "postgres":
        for measure in SAVES:
            results.compare(measure, OURS, NOTHING, "<=", 1.25)
        results.compare("update()", OURS, NOTHING, "<=", 2.8)
        for measure in ("bulk_create()", "INSERT … SELECT"):
            results.compare(measure, OURS, NOTHING, "<=", 2.6)
        for measure in MEASURES:
            results.compare(measure, OURS, STATEMENT, "<=", 1.0)
            results.compare(measure, PAUSED, NOTHING, "<=", 1.3)
        return
    for measure in SAVES:
        results.compare(measure, OURS, NOTHING, "<=", 1.3)
        results.compare(measure, OURS, BARE, "<=", 1.3)


def _do_round(contender: Contender, sizes: Sizes) -> dict[str, float]:
    """Do every measure once; the table is filled anew for each that changes or deletes."""
    many = sizes.capture_slow_rows if contender.slow else sizes.capture_rows
    objects = contender.model._default_manager
    found: dict[str, float] = {}

    def measure(name: str, rows: int, write: Callable[[], object], left: int) -> None:
        if name in contender.blind:
            return
        before = contender.logged()
        with timed() as watch, transaction.atomic(), contender.around():
            write()
        check(contender.logged() - before, contender.expected(rows), f"{name}: log rows of {contender.model}")
        check(objects.count(), left, f"{name}: rows of {contender.model}")
        found[name] = watch.seconds / rows * 1e6

    contender.clear()
    rows = new_rows(contender.model, many)
    measure("bulk_create()", many, lambda: contender.bulk_create(rows), many)
    contender.clear()
    measure("INSERT … SELECT", many, lambda: insert_by_sql(contender.model, many), many)
    contender.clear()
    with synchro_paused():
        objects.bulk_create(new_rows(contender.model, many), batch_size=BATCH)
    _settle(contender)
    measure("update()", many, contender.prepare_update(), many)
    # With a condition: SQLite empties a whole table without looking at its rows, where there is no trigger.
    measure("delete()", many, lambda: objects.filter(pk__gt=0).delete(), 0)
    contender.clear()
    saves = sizes.capture_slow_saves if contender.slow else sizes.capture_saves
    single = new_rows(contender.model, saves)
    measure("save(), new", saves, lambda: _save_all(single), saves)
    for row in single:
        row.number += 1
    measure("save(), changed", saves, lambda: _save_all(single), saves)
    contender.clear()
    return found


def new_rows(model: type[Model], count: int) -> list[Any]:
    """Return unsaved rows with six different columns each."""
    return [
        model(
            name=f"row {number}",
            number=number,
            amount=number % 1000,
            active=number % 2 == 0,
            seen_at=MOMENT + datetime.timedelta(seconds=number),
        )
        for number in range(count)
    ]


def insert_by_sql(model: type[Model], count: int, using: str = "default") -> None:
    """Insert such rows by one statement of SQL, without Python's share of the work."""
    insert = f"INSERT INTO {model._meta.db_table} (name, number, amount, active, seen_at) "
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            cursor.execute(
                insert + "SELECT 'row ' || n, n, n %% 1000, n %% 2 = 0, "
                "timestamptz '2026-01-01 00:00+00' + n * interval '1 second' FROM generate_series(0, %s - 1) AS n",
                [count],
            )
        else:
            cursor.execute(
                "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < %s - 1) "
                + insert
                + "SELECT 'row ' || n, n, n %% 1000, n %% 2 = 0, datetime('2026-01-01', n || ' seconds') FROM number",
                [count],
            )


def _save_all(rows: list[Any]) -> None:
    for row in rows:
        row.save()


def _settle(contender: Contender) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {contender.model._meta.db_table}")


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def _make_bare_triggers() -> None:
    with connection.cursor() as cursor:
        for event, operation, row in (("INSERT", "I", "NEW"), ("UPDATE", "U", "NEW"), ("DELETE", "D", "OLD")):
            cursor.execute(
                f"CREATE TRIGGER bare_{event} AFTER {event} ON bare_row BEGIN "
                f"INSERT INTO bare_entry (label, object_pk, operation) VALUES ('bare.Row', {row}.id, '{operation}'); "
                "END"
            )
