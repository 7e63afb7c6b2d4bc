"""The admin on a long log: no query counts, sorts or reads a whole table, and pages take no longer for it."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from synchro_triggers import synchronize
from synchro_triggers.replay.log import browsing
from synchro_triggers.replay.state.node import node_id
from synchro_triggers.web.admin import keyset
from tests.admin_pages import TABLES, cells_of, client_of, link_named, list_of, queries
from tests.databases import ALIASES, both, both_committed
from tests.testapp.models import Item

pytestmark = [pytest.mark.urls("tests.admin_pages")]

NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) ",
    "postgres": "WITH numbers(n) AS (SELECT generate_series(1, {rows})) ",
}

#: Columns of each table, and what they hold in row n.
HELD = {
    "changelog": (
        "model_label, object_pk, operation, changed_fields, origin, logged_at, txid",
        "CASE WHEN n % 50000 = 1 THEN 'testapp.Tag' ELSE 'testapp.Item' END, CAST(n AS text), 'U', 'name', '',"
        " CURRENT_TIMESTAMP, 1",
    ),
    "failure": (
        "source, model_label, object_pk, operation, logged_at, error, attempts, first_at, last_at, runs, waits_label,"
        " waits_pk",
        "'{source}', 'testapp.Item', CAST(n AS text), 'U', CURRENT_TIMESTAMP, 'no', 3, CURRENT_TIMESTAMP,"
        " CURRENT_TIMESTAMP, 3, '', ''",
    ),
    "conflict": (
        "source, model_label, local_pk, remote_pk, kind, local_values, remote_values, local_author, remote_author,"
        " rule, result, decided_at, taken",
        "'{source}', 'testapp.Item', CAST(n AS text), CAST(n AS text), 'update/update', '{{}}', '{{}}', '', '',"
        " 'newest', 'local', CURRENT_TIMESTAMP, ''",
    ),
    "run": (
        "remote, remote_node, direction, begun_at, ended_at, outcome, error, written, deleted, links, kept, conflicts,"
        " begun_by, host, pid",
        "'remote', 'x', 'push', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 'done', '', 1, 0, 0, 0, 0, 'command', 'here', 1",
    ),
    "reference": (
        "source, model_label, local_pk, ended, remote_pk, met_at, remote_won",
        "'another', 'testapp.Item', CAST(n AS text), 0, CAST(n AS text), CURRENT_TIMESTAMP, {false}",
    ),
}

#: What is asked of the lists.
ASKED = {
    "changelog": ("", "model=testapp.Tag", "model=testapp.Item&key=17", "state=waiting:remote", "state=passed:remote"),
    "failure": ("", "model=testapp.Tag", "database=default"),
    "conflict": ("", "model=testapp.Tag", "open=no"),
    "run": ("", "remote=elsewhere", "direction=pull&outcome=done"),
    "reference": ("", "model=testapp.Tag", "q=17"),
}


def fill(vendor, table, alias, rows):
    """Write many rows into a table of ours, past its triggers."""
    columns, values = HELD[table]
    kind = vendor.local if alias == "default" else vendor.remote
    given = values.format(source=node_id("default"), false="false" if kind == "postgres" else "0")
    name = f"synchro_triggers_{table}"
    with connections[alias].cursor() as cursor:
        numbers = NUMBERS[kind].format(rows=rows)
        select = f"SELECT {given} FROM numbers"
        into = f"INSERT INTO {name} ({columns}) "
        cursor.execute(f"{into}{numbers}{select}" if kind == "sqlite" else f"{numbers}{into}{select}")
        cursor.execute(f"ANALYZE {name}")


def plan_of(alias, sql):
    connection = connections[alias]
    word = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"{word} {sql}")
        return [str(row[-1]) for row in cursor.fetchall()]


def wrong_in(plan, table):
    """Return the lines of a plan that read or count a whole long table."""
    whole = re.compile(rf"Seq Scan on synchro_triggers_{table}|^SCAN synchro_triggers_{table}|Aggregate")
    return [line for line in plan if whole.search(line)]


@pytest.fixture
def boss(vendor, django_user_model):
    Item.objects.create(name="a")
    synchronize()
    return client_of(django_user_model.objects.create_superuser("boss"))


def where_it_stands(table):
    return "default" if table in {"changelog", "run"} else "remote"


@both
@pytest.mark.parametrize("table", TABLES)
def test_no_query_counts_or_reads_a_whole_table(boss, vendor, monkeypatch, table):
    monkeypatch.setattr(browsing, "LOOKED_AT", 300)
    monkeypatch.setattr(keyset, "LOOKED_AT", 300)
    fill(vendor, table, where_it_stands(table), 20_000)

    found, numbers = [], {}
    for query in ASKED[table]:
        address = f"{list_of(table)}?{query}"
        for _ in range(2):
            with queries() as sent:
                page = boss.get(address)
            numbers[address] = sum(map(len, sent.values()))
            found += [(alias, sql) for alias in ALIASES for sql in sent[alias] if "synchro_triggers_" in sql]
            following = link_named(page, "Older")
            address = f"{list_of(table)}{following}" if following else address

    # In a transaction, as a test is in one, the current position is asked for in a way of its own.
    selects = [(alias, sql) for alias, sql in found if sql.startswith("SELECT") and "txid_current" not in sql]
    counted = [sql for _, sql in selects if "count(" in sql.lower()]
    long = [(alias, sql) for alias, sql in selects if alias == where_it_stands(table)]
    wrong = {sql: bad for alias, sql in long if (bad := wrong_in(plan_of(alias, sql), table))}
    assert len(selects) >= 6
    assert (counted, wrong) == ([], {})
    assert max(numbers.values()) <= 20, numbers


def seconds_of(client, address):
    """Return what a page takes: this process's own time, and what it waits for databases; not what others take."""
    with ExitStack() as stack:
        caught = [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in ALIASES]
        began = time.process_time()
        page = client.get(address)
        taken = time.process_time() - began
    assert page.status_code == 200
    return taken + sum(float(each["time"]) for found in caught for each in found.captured_queries)


@both_committed
@pytest.mark.whole
@pytest.mark.parametrize("table", TABLES)
def test_a_page_of_a_million_rows_takes_less_than_200_ms(boss, vendor, table):
    fill(vendor, table, where_it_stands(table), 1_000_000)
    addresses = [f"{list_of(table)}?{query}" for query in ASKED[table]]

    taken = {address: round(min(seconds_of(boss, address) for _ in range(3)), 3) for address in addresses}

    assert len(cells_of(boss.get(list_of(table)), "id")) == 50
    print(vendor, table, list(taken.values()))
    assert {address: seconds for address, seconds in taken.items() if seconds > 0.2} == {}
