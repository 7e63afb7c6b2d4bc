"""Safe: whoever may write a table is logged and can do no more, and no stored text is ever evaluated."""

from __future__ import annotations

import json
import os
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_save
from django.test import override_settings

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Reference
from tests import processes
from tests.databases import both, both_committed, install_triggers
from tests.oddapp.models import Long1, Reserved, Select
from tests.safety.story import LOCAL, elsewhere
from tests.testapp.models import Account, Item, Tag, Tagged

pytestmark = both

REMOTE = "remote"
CLERK = f"synchro_test_clerk_{os.getpid()}"  # other processes work on the same server


# A role that may write its own tables only -----------------------------------------------------------


@pytest.fixture
def clerk():
    """Open a session of a role that owns nothing, is no superuser, and may write two tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {CLERK} LOGIN PASSWORD 'x' NOSUPERUSER")
        cursor.execute(f"GRANT ALL ON testapp_account, testapp_entry TO {CLERK}")
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {CLERK}")
        cursor.execute("REVOKE ALL ON SEQUENCE synchro_triggers_changelog_id_seq FROM " + CLERK)
        cursor.execute(f"CREATE SCHEMA clerks AUTHORIZATION {CLERK}")
    ChangeLog.objects.all().delete()
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=CLERK,
        password="x",
        autocommit=True,
    ) as session:
        yield session
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {CLERK} CASCADE")
        cursor.execute(f"DROP ROLE {CLERK}")


def logged() -> list[tuple[str, str]]:
    return list(ChangeLog.objects.order_by("id").values_list("operation", "object_pk"))


ADD = "INSERT INTO public.testapp_account (name, cash, visits) VALUES (%s, 0, 0)"


@both_committed
@pytest.mark.vendor("postgres")
def test_role_with_rights_on_its_tables_only_writes_them_in_every_way_and_is_logged(clerk):
    clerk.execute(ADD, ["a"])
    clerk.execute("UPDATE testapp_account SET cash = 1")
    clerk.execute("DELETE FROM testapp_account")
    with clerk.cursor() as cursor, cursor.copy("COPY testapp_account (name, cash, visits) FROM STDIN") as copy:
        copy.write_row(("b", 0, 0))
    clerk.execute("TRUNCATE testapp_account CASCADE")

    assert logged() == [("I", "a"), ("U", "a"), ("D", "a"), ("I", "b"), ("D", "b")]


SYNCHRO_TABLES = ("changelog", "node", "checkpoint", "reference", "failure", "sessionvalue")


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("table", SYNCHRO_TABLES)
def test_role_without_rights_on_a_table_of_this_package_can_neither_read_nor_change_it(clerk, table):
    for statement in ("SELECT * FROM", "DELETE FROM", "TRUNCATE"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute(f"{statement} synchro_triggers_{table}")


@both_committed
@pytest.mark.vendor("postgres")
def test_trigger_functions_serve_no_table_of_somebody_elses(clerk):
    """Attached to a table of his own, one would write whatever he likes into the log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid::regproc::text FROM pg_proc WHERE proname LIKE 'synchro\\_%'")
        functions = [name for (name,) in cursor.fetchall()]
    clerk.execute("CREATE TABLE clerks.own (name text, cash integer, visits integer)")

    assert functions
    for function in functions:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            clerk.execute(f"CREATE TRIGGER t AFTER INSERT ON clerks.own EXECUTE FUNCTION {function}('x')")
    clerk.execute("INSERT INTO clerks.own VALUES ('a')")
    assert logged() == []


HOSTILE = {
    "a table in a schema that comes first": "CREATE TABLE clerks.synchro_triggers_changelog (LIKE pg_catalog.pg_class)",
    "a temporary table": "CREATE TEMPORARY TABLE synchro_triggers_changelog (id integer)",
    "a function that gives the transaction": "CREATE FUNCTION clerks.txid_current() RETURNS bigint LANGUAGE sql"
    " AS 'SELECT 1/0::bigint'",
    "a function that gives the time": "CREATE FUNCTION clerks.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
    " AS 'SELECT (1/0)::text::timestamptz'",
    "a function that reads settings": "CREATE FUNCTION clerks.current_setting(text, boolean) RETURNS text LANGUAGE sql"
    " AS 'SELECT ''on''::text'",
    "an operator": "CREATE FUNCTION clerks.same(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
    " CREATE OPERATOR clerks.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = clerks.same)",
    "a type": "CREATE DOMAIN clerks.text AS pg_catalog.text CHECK (false)",
}


@both_committed
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("trap", HOSTILE)
def test_nothing_in_front_of_the_search_path_redirects_the_log(clerk, trap):
    clerk.execute("SET search_path = clerks, pg_catalog, public")
    clerk.execute(HOSTILE[trap])

    clerk.execute("INSERT INTO public.testapp_account (name, cash, visits) VALUES ('a', 0, 0)")
    clerk.execute("UPDATE public.testapp_account SET cash = 1")
    clerk.execute("DELETE FROM public.testapp_account")

    assert logged() == [("I", "a"), ("U", "a"), ("D", "a")]
    txids = ChangeLog.objects.values_list("txid", flat=True)
    assert len(set(txids)) == 3 and 1 not in txids


@both_committed
@pytest.mark.vendor("postgres")
def test_table_named_like_the_changelog_in_another_schema_gets_nothing_and_disturbs_no_run(clerk):
    clerk.execute("CREATE TABLE clerks.synchro_triggers_changelog (LIKE public.testapp_account)")
    clerk.execute("CREATE TABLE clerks.synchro_triggers_node (node_id text, fingerprint text)")

    clerk.execute(ADD, ["a"])

    assert synchronize().created == 1
    call_command("synchro_install_triggers", "--check", stdout=StringIO())
    assert clerk.execute("SELECT count(*) FROM clerks.synchro_triggers_changelog").fetchone() == (0,)


@both_committed
@pytest.mark.vendor("postgres")
def test_pausing_needs_no_right_and_ends_with_the_block(clerk, process_env):
    """SECURITY.md says so: the log is no audit trail against one's own users."""
    code = """
import django; django.setup()
from synchro_triggers import synchro_paused
from tests.testapp.models import Account
with synchro_paused():
    Account.objects.create(name="paused")
Account.objects.create(name="logged")
"""
    env = elsewhere(process_env, **{LOCAL: {"USER": CLERK, "PASSWORD": "x"}})

    processes.run("-c", code, env=env, check=True)

    assert logged() == [("I", "logged")]


@both_committed
@pytest.mark.vendor("postgres")
def test_origin_that_a_user_claims_is_kept_from_that_node_and_from_no_other(clerk):
    """SECURITY.md says so too. Whatever is claimed is a value, and stays one."""
    for origin in ("'); DROP TABLE testapp_account; --", "x" * 36):
        with clerk.transaction():
            clerk.execute("SELECT set_config('synchro.origin', %s, true)", [origin])
            clerk.execute(ADD, [origin])

    assert set(ChangeLog.objects.values_list("origin", "object_pk")) == {
        ("'); DROP TABLE testapp_account; --", "'); DROP TABLE testapp_account; --"),
        ("x" * 36, "x" * 36),
    }
    assert synchronize().created == 2


# Values that look like code -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which is to stay empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


HOSTILE_TEXTS = (
    "'; DROP TABLE synchro_triggers_changelog; --",
    "\\'; DROP TABLE synchro_triggers_changelog; --",
    '"; DROP TABLE testapp_item; --',
    "$synchro$; DROP TABLE testapp_item; $synchro$",
    "%s %(name)s %d 100%",
    "{label} {0} {{}}",
    '{"a": [1, null]}',
    '["x", "y"]',
    "null",
    "1|2|3|testapp.Item|1",
    "a,b;c",
    "__import__('os').mkdir('python')",
    "$(touch shell) `touch shell`",
    "{% debug %}{{ settings.SECRET_KEY }}",
    "<script>alert(1)</script>",
    "line\nbreak\ttab\rreturn",
    "\x01\x7f\u202e\u2028\ufeff",
    "żółć 𝄞 \U0001f600",
    " leading and trailing ",
    "'" * 20,
)


@pytest.mark.all_pairs
def test_values_and_keys_that_look_like_code_are_only_text(folder):
    texts = HOSTILE_TEXTS
    for text in texts:
        Account.objects.create(name=text)  # an explicit primary key
        Tag.objects.create(label=text)  # a natural key
        Item.objects.create(name=text)
    tagged = Tagged.objects.create(title=texts[0])
    tagged.tags.set(Tag.objects.all())

    assert synchronize().failures == []

    for model, field in ((Account, "name"), (Tag, "label"), (Item, "name"), (Tagged, "tags__label")):
        here, there = (sorted(model.objects.using(alias).values_list(field, flat=True)) for alias in (LOCAL, REMOTE))
        assert here == there and len(here) == len(texts)

    Account.objects.update(cash=1)
    Tag.objects.filter(label__in=[text for text in texts[::2]]).delete()
    Reference.objects.using(REMOTE).all().delete()  # the rest must be found by key and natural key
    Item.objects.all().delete()
    assert synchronize().failures == []
    assert set(Account.objects.using(REMOTE).values_list("name", "cash")) == {(text, 1) for text in texts}
    assert sorted(Tag.objects.using(REMOTE).values_list("label", flat=True)) == sorted(text for text in texts[1::2])
    assert list(folder.iterdir()) == [], "something was executed"


@pytest.mark.all_pairs
def test_errors_and_failures_that_look_like_code_are_only_text(folder):
    texts = HOSTILE_TEXTS

    def refuse(instance, using, **told):
        if using == REMOTE:
            raise ValueError(instance.name)

    for text in texts:
        Account.objects.create(name=text)
    pre_save.connect(refuse, sender=Account)
    try:
        assert synchronize().failed == len(texts)
        assert synchronize().failed == len(texts)
    finally:
        pre_save.disconnect(refuse, sender=Account)
    for options in ([], ["--json"]):
        output = StringIO()
        call_command("synchro_status", *options, stdout=output)
        assert output.getvalue()
    kept = {failure["key"] for failure in json.loads(output.getvalue())["remotes"][REMOTE]["failures"]}
    assert kept == set(texts)

    assert synchronize().failures == []
    assert set(Account.objects.using(REMOTE).values_list("name", flat=True)) == set(texts)
    assert list(folder.iterdir()) == []


FORGED: dict[str, tuple[str, str, str | None]] = {
    "a model that is none": ("os.system", "1", None),
    "a model of Django's that is not listed": ("auth.User", "1", None),
    "a key that is none": ("testapp.Item", "__import__('os').system('x')", None),
    "a key of several parts": ("testapp.Item", '[1, "x"]', None),
    "an empty key": ("testapp.Item", "", None),
    "old values of other columns": ("testapp.Tag", "99", '{"label": "x", "no such": 1}'),
}


@pytest.mark.parametrize("forgery", FORGED)
@pytest.mark.parametrize("operation", ["I", "D"])
def test_forged_log_row_is_never_executed_and_stops_nothing_else(forgery, operation):
    """Whoever may write the changelog can put anything there."""
    label, key, old_values = FORGED[forgery]
    Item.objects.create(name="before")
    ChangeLog.objects.create(model_label=label, object_pk=key, operation=operation, old_values=old_values)
    Item.objects.create(name="after")

    report = synchronize()

    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["after", "before"]
    assert report.created == 2
    for failure in report.failures:
        assert failure.model == label and failure.error
    assert synchronize().created == 0


# Names that need quotes -------------------------------------------------------------------------------


@pytest.fixture
def odd_names(db):
    with override_settings(SYNCHRO_MODELS=("oddapp.Select", "oddapp.Reserved", "oddapp.Long1")):
        install_triggers()
        yield


@pytest.mark.vendor("sqlite")  # on PostgreSQL, Django itself reads no column with a dollar sign in its name
def test_names_with_quotes_are_synchronised(odd_names):
    made = Select.objects.create(order=1, group=2, apostrophe=3, comment=4, braces=5, letters=6)

    assert synchronize().created == 1
    Select.objects.update(apostrophe=30, braces=50)
    assert synchronize().updated == 1
    values = Select.objects.using(REMOTE).values_list("order", "group", "apostrophe", "comment", "braces", "letters")
    assert list(values) == [(1, 2, 30, 4, 50, 6)]
    made.delete()
    assert synchronize().deleted == 1


@pytest.mark.all_pairs
def test_names_that_are_reserved_or_as_long_as_can_be_are_synchronised(odd_names):
    reserved, long = Reserved.objects.create(user='"; SELECT', table=1), Long1.objects.create(value=1, other=2)

    assert synchronize().created == 2
    Reserved.objects.update(table=2, new=3)
    Long1.objects.update(other=3)
    assert synchronize().updated == 2
    assert Reserved.objects.using(REMOTE).values_list("user", "table", "new", "old").get() == ('"; SELECT', 2, 3, 0)
    assert Long1.objects.using(REMOTE).values_list("value", "other").get() == (1, 3)
    reserved.delete()
    long.delete()
    assert synchronize().deleted == 2
