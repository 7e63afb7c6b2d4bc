"""Whoever writes the database is logged: other programs, with other settings, in other sessions."""

from __future__ import annotations

import sqlite3

import pytest
from django.db import connections, models
from django.test.utils import isolate_apps

from synchro_triggers.capture.install import install, run_statements
from synchro_triggers.capture.keys import decode_key
from synchro_triggers.capture.tables import captured_tables
from synchro_triggers.capture.vendor import vendor_of
from synchro_triggers.models import ChangeLog
from tests import processes
from tests.testapp.models import Numbered


@pytest.fixture
def numbers(own, settings):
    """An alias with one captured table."""
    settings.SYNCHRO_MODELS = ("testapp.Numbered",)
    with connections[own].schema_editor() as editor:
        editor.create_model(Numbered)
    install(own)
    return own


def logged(alias: str) -> list[tuple[str, str]]:
    return list(ChangeLog.objects.using(alias).order_by("id").values_list("operation", "object_pk"))


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    "pragma", ["user_version", "trusted_schema = OFF", "recursive_triggers = ON", "foreign_keys = OFF"]
)
def test_another_client_of_the_file_is_logged(numbers, pragma):
    with sqlite3.connect(connections[numbers].settings_dict["NAME"]) as client:
        client.execute(f"PRAGMA {pragma}")
        client.execute("INSERT INTO testapp_numbered (id, number, name) VALUES (1, 1, 'old')")
        client.execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (77, 1, 'new')")
    client.close()

    assert set(logged(numbers)) == {("I", "1"), ("D", "1"), ("I", "77")}


@pytest.mark.vendor("sqlite")
def test_client_that_rolls_back_leaves_nothing_in_the_log(numbers):
    client = sqlite3.connect(connections[numbers].settings_dict["NAME"])
    client.execute("INSERT INTO testapp_numbered (id, number, name) VALUES (1, 1, 'a')")
    client.rollback()
    client.close()

    assert logged(numbers) == []


@pytest.mark.vendor("postgres")
def test_another_session_with_settings_of_its_own_is_logged(numbers):
    import psycopg

    parameters = connections[numbers].get_connection_params()
    wanted = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)}
    options = "-c search_path= -c jit=on -c DateStyle=German -c TimeZone=Asia/Tokyo -c standard_conforming_strings=off"
    with psycopg.connect(**wanted, options=options) as client:
        client.execute("INSERT INTO public.testapp_numbered (id, number, name) VALUES (1, 1, 'a')")
        client.execute("UPDATE public.testapp_numbered SET name = 'b'")

    assert logged(numbers) == [("I", "1"), ("U", "1")]


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (models.DateField, "'2026-01-31'"),
        (models.DateTimeField, "'2026-01-31 23:30+00'"),
        (models.DurationField, "'1 day 02:03:04'"),
        (models.BinaryField, r"'\x00ff'"),
        (models.FloatField, "0.1"),
    ],
)
@isolate_apps("tests.oddapp")
def test_key_is_logged_in_one_spelling_whatever_the_session_prefers(own, field, value):
    key = field(primary_key=True)
    model = type("Keyed", (models.Model,), {"__module__": "tests.oddapp.models", "key": key})
    connection = connections[own]
    with connection.schema_editor() as editor:
        editor.create_model(model)
    triggers = vendor_of(connection).full_triggers(connection, list(captured_tables([model])))
    run_statements(own, (sql for trigger in triggers for sql in trigger.statements))
    run_statements(own, [f"INSERT INTO oddapp_keyed VALUES ({value})"])

    run_statements(
        own,
        [
            "SET DateStyle = German",
            "SET IntervalStyle = iso_8601",
            "SET bytea_output = escape",
            "SET TimeZone = 'Asia/Tokyo'",
            "DELETE FROM oddapp_keyed",
            "RESET ALL",
        ],
    )

    (_, inserted), (_, deleted) = logged(own)
    assert decode_key(model, inserted) == decode_key(model, deleted)


def test_command_line_of_another_process_is_logged(numbers, process_env):
    code = (
        "import django; django.setup()\n"
        "from tests.testapp.models import Numbered\n"
        f"Numbered.objects.using({numbers!r}).create(pk=5, number=5)"
    )

    processes.run("-c", code, env=process_env, check=True)

    assert logged(numbers) == [("I", "5")]


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("condition", ["txid >= 5 AND txid < 7", "txid = ANY ('{4, 5}')", "logged_at >= now()"])
def test_the_logs_one_index_serves_both_who_look_for_transactions_and_who_look_for_times(own, condition):
    with connections[own].cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN SELECT count(*) FROM synchro_triggers_changelog WHERE {condition}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'synchro_triggers_changelog'")
        indexes = cursor.fetchone()

    assert "Bitmap Index Scan on synchro_triggers_log_when" in plan
    assert indexes == (2,)  # and the primary key's
