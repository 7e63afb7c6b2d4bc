"""A statement with more parameters, or a deeper expression, than the database takes is split, whatever the keys are."""

from __future__ import annotations

import datetime
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.utils import OperationalError

from synchro_triggers import synchro_paused
from synchro_triggers.models import ChangeLog, Failure, Operation
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.replay.synchronizing import retry_failures, synchronize
from tests.databases import ALIASES, both
from tests.fieldapp.models import KEYED, PAIRED
from tests.shapes.sides import LOCAL, REMOTE

pytestmark = both

#: Parameters that a statement may have, and objects: each of them is two parameters where its key is two columns.
LIMIT, OBJECTS = 1_100, 1_150

MAKE = {"Float": lambda number: number + 0.5, "Uuid": lambda number: uuid.UUID(int=number)}


@contextmanager
def limited(alias: str) -> Iterator[list[str]]:
    """Let a database take few parameters at once; yield what it has refused.

    SQLite's limit is one of the connection. PostgreSQL's (65,535, of statements whose values the server binds) cannot
    be lowered: what the driver raises is raised here.
    """
    refused: list[str] = []
    connection = connections[alias]

    def execute_or_refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.vendor == "postgresql" and params and not many and len(params) > LIMIT:
            refused.append(sql)
            cause = psycopg.OperationalError("number of parameters must be between 0 and 65535")
            raise OperationalError(*cause.args) from cause
        try:
            return execute(sql, params, many, context)
        except OperationalError:
            refused.append(sql)
            raise

    if connection.vendor == "sqlite":
        before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, LIMIT)
    with connection.execute_wrapper(execute_or_refuse):
        yield refused
    if connection.vendor == "sqlite":
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)


@pytest.fixture(params=["Keyed Float", "Paired Uuid"])
def objects(request, capture_only) -> Any:
    """Objects with keys that are a parameter each, or two."""
    columns, kind = request.param.split()
    model: Any = (KEYED if columns == "Keyed" else PAIRED)[kind]
    capture_only(model)
    keys = map(MAKE[kind], range(OBJECTS))
    made = [model(pk=key) if columns == "Keyed" else model(part=key, number=1) for key in keys]
    model.objects.bulk_create(made, batch_size=500)
    return model


def test_changes_of_more_objects_than_a_statement_takes_arrive(objects, settings):
    settings.SYNCHRO_BATCH_SIZE = 2 * OBJECTS
    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(limited(alias))
        created = synchronize()
        objects.objects.update(name="changed")
        updated = synchronize()

    assert created.failures == updated.failures == []
    assert (created.created, updated.updated) == (OBJECTS, OBJECTS)


def test_more_kept_failures_than_a_statement_takes_are_tried(objects):
    texts = ChangeLog.objects.filter(model_label=objects._meta.label).values_list("object_pk", flat=True)
    now = datetime.datetime.now(datetime.UTC)
    same = {"source": node_id(LOCAL), "operation": Operation.UPDATE, "logged_at": now, "error": "as it was"}
    with synchro_paused(using=REMOTE):
        synchronize()
    Failure.objects.using(REMOTE).bulk_create(
        Failure(model_label=objects._meta.label, object_pk=text, **same) for text in list(texts)
    )

    with ExitStack() as stack:
        refused = [stack.enter_context(limited(alias)) for alias in ALIASES]
        report = retry_failures()

    assert report.failures == []
    assert not Failure.objects.using(REMOTE).exists()
    print(f"{sum(map(len, refused))} statements were refused, and split")
