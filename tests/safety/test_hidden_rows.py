"""A run that cannot see every row is refused: what it cannot see, it would take for gone."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from synchro_triggers import synchronize
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Checkpoint
from synchro_triggers.replay.log.window import current_position, open_window
from tests.databases import both
from tests.safety.story import LOCAL
from tests.testapp.models import Account, Item, Unlisted

pytestmark = [both, pytest.mark.vendor("postgres")]

REMOTE = "remote"
TENANT = "synchro_test_tenant"


@contextmanager
def secured(table, alias, *, role=TENANT):
    """Hide rows of a table by a policy, and work as a role that is subject to it."""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"CREATE ROLE {TENANT} NOSUPERUSER")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {TENANT}")
        cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {TENANT}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {TENANT}")
        cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        cursor.execute(f"CREATE POLICY own ON {table} USING (false)")
        if role:
            cursor.execute(f"SET ROLE {role}")
    try:
        yield
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute("RESET ROLE")


@pytest.mark.parametrize("alias", [LOCAL, REMOTE])
@pytest.mark.parametrize("table", ["testapp_item", "synchro_triggers_changelog", "synchro_triggers_reference"])
@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"full": True}])
def test_run_whose_rows_are_hidden_is_refused_before_anything_is_done(alias, table, options):
    Item.objects.create(name="a")
    synchronize()
    Item.objects.update(cash=3)
    before = list(Checkpoint.objects.using(REMOTE).values_list("position", "run_id"))

    with secured(table, alias), pytest.raises(Refused) as refused:
        synchronize(**options)

    assert all(word in str(refused.value) for word in (table, repr(alias), TENANT, "BYPASSRLS"))
    assert list(Checkpoint.objects.using(REMOTE).values_list("position", "run_id")) == before
    assert Item.objects.using(REMOTE).get().cash == 0


def test_command_ends_with_3():
    with secured("testapp_item", LOCAL), pytest.raises(CommandError) as ended:
        call_command("synchronize")

    assert ended.value.returncode == 3


def test_what_only_a_foreign_key_leads_to_must_be_seen_too():
    with secured(Unlisted._meta.db_table, LOCAL), pytest.raises(Refused):
        synchronize()


def test_role_that_sees_every_row_may_run():
    Account.objects.create(name="a")
    with secured("testapp_account", LOCAL, role=""):
        report = synchronize()

    assert report.created == 1


def test_log_that_is_read_from_a_standby_is_refused():
    """Behind a pooler the next statement may go to another server than the one that was asked first."""
    with connection.cursor() as cursor:
        position = current_position(LOCAL)
        cursor.execute("SET LOCAL search_path = public, pg_catalog")
        cursor.execute("CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'")

    with pytest.raises(Refused, match="standby"):
        open_window(LOCAL, "", end=position)
    with pytest.raises(Refused, match="standby"):
        synchronize()


def test_truncate_of_rows_that_its_own_trigger_does_not_see_is_logged_whole():
    """Row-level security is no matter to TRUNCATE; the trigger's function works as the tables' owner, who is subject.

    What was deleted before is not logged once more: its key may be another object's on the remote.
    """
    for name in "abc":
        Account.objects.create(name=name)
    synchronize()
    Account.objects.filter(name="c").delete()
    synchronize()
    Account.objects.using(REMOTE).create(name="c")
    with connections[LOCAL].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"CREATE ROLE {TENANT} NOSUPERUSER")
        cursor.execute(f"GRANT ALL ON SCHEMA public TO {TENANT}")
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE "{table}" OWNER TO {TENANT}')
        cursor.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE 'synchro\\_%'")
        for (function,) in cursor.fetchall():
            cursor.execute(f"ALTER FUNCTION {function} OWNER TO {TENANT}")
        cursor.execute("ALTER TABLE testapp_account ENABLE ROW LEVEL SECURITY")
        cursor.execute("ALTER TABLE testapp_account FORCE ROW LEVEL SECURITY")
        cursor.execute("CREATE POLICY own ON testapp_account USING (name = 'a')")
        cursor.execute("TRUNCATE testapp_account CASCADE")
        cursor.execute("ALTER TABLE testapp_account NO FORCE ROW LEVEL SECURITY")

    report = synchronize()

    assert report.deleted == 2
    assert [account.name for account in Account.objects.using(REMOTE)] == ["c"]
