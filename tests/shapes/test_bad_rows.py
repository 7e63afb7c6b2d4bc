"""Rows that the remote cannot take: kept with what depends on them, named, and applied once the cause is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models import Model

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import Failure
from tests.comparing import assert_same
from tests.databases import both
from tests.replay.hearing import hearing
from tests.shapeapp.models import Article, Author, Branch, City, Country, Note, Sticker, Ticket, Topic
from tests.shapes.sides import LOCAL, REMOTE, execute, on_remote, synchronize_and_compare

pytestmark = both

Object = tuple[str, str]

NO_KEY = 987_654_321


def failed_until_mended(bad: Model, said: str, mend: Callable[[], object], *, waiting: tuple[Model, ...] = ()) -> None:
    """Assert everything that is promised of a row that the remote cannot take.

    Args:
        bad: the local object.
        said: part of its error.
        mend: makes an end of the cause.
        waiting: objects that cannot be applied before it; one more is made here.
    """
    sticker = Sticker.objects.create(name="on what is bad", target=bad)
    Author.objects.create(name="bystander")
    dependents = {at(sticker), *map(at, waiting)}

    errors = {(failure.model, failure.key): failure.error for failure in synchronize().failures}
    assert errors.keys() == {at(bad), *dependents}
    assert said in errors[at(bad)]
    for dependent in dependents:
        assert f"waits for {bad._meta.label} {bad.pk!r}" in errors[dependent]
    assert on_remote(Author, name="bystander")
    attempts = kept()
    assert attempts.keys() == errors.keys() and min(attempts.values()) >= 1

    Author.objects.create(name="later")
    with pytest.raises(CommandError) as caught:
        call_command("synchronize", verbosity=0)
    assert caught.value.returncode == 1
    [line] = [line for line in str(caught.value).splitlines() if f"{bad._meta.label} {bad.pk}: " in line]
    assert said in line
    assert on_remote(Author, name="later")
    assert all(count > attempts[which] for which, count in kept().items()) and kept().keys() == errors.keys()

    mend()
    Author.objects.create(name="last")
    with hearing(type(bad), Author, only=("post_save",)) as heard:
        report = synchronize()
    assert report.failures == [] and kept() == {}
    assert [type(signal.instance) for signal in heard][-1] is Author, "what was kept is tried first"
    assert type(bad) in {type(signal.instance) for signal in heard}
    assert_same("shapeapp")
    assert not synchronize().changed


def at(instance: Model) -> Object:
    return instance._meta.label, str(instance.pk)


def kept() -> dict[Object, int]:
    """Return the kept failures and how often each was tried."""
    rows = Failure.objects.using(REMOTE).values_list("model_label", "object_pk", "attempts")
    return {(label, key): attempts for label, key, attempts in rows}


# Foreign keys that lead nowhere -------------------------------------------------------------------


def test_foreign_key_to_a_row_that_local_lacks():
    bad = Branch.objects.create(name="bad", parent_id=NO_KEY)
    child = Branch.objects.create(name="child", parent=bad)

    failed_until_mended(
        bad,
        f"its parent, shapeapp.Branch {NO_KEY}, is missing on 'default'",
        lambda: Branch.objects.create(pk=NO_KEY, name="the missing one"),
        waiting=(child,),
    )


@pytest.mark.parametrize("model", [Note, Sticker])
def test_generic_foreign_key_whose_content_type_row_is_missing(model):
    bad = model.objects.create(name="bad", content_type_id=NO_KEY, object_id="5")

    failed_until_mended(
        bad,
        f"its content_type, contenttypes.ContentType {NO_KEY}, is missing on 'default'",
        lambda: ContentType.objects.create(pk=NO_KEY, app_label="removed", model="thing"),
    )


@pytest.mark.parametrize("model", [Note, Sticker])
def test_generic_foreign_key_to_a_model_that_is_gone_is_kept_as_it_is(model):
    """Nobody can follow it, here or there; it comes with its content type, and waits for nothing."""
    ContentType.objects.using(REMOTE).create(pk=NO_KEY, app_label="removed", model="other")
    gone = ContentType.objects.create(pk=NO_KEY, app_label="removed", model="thing")
    model.objects.create(name="stale", content_type=gone, object_id="5")
    synchronize_and_compare()

    there = on_remote(model, name="stale")
    assert (str(there.object_id), there.content_type.model) == ("5", "thing")


# Natural keys -------------------------------------------------------------------------------------


def test_natural_key_that_finds_two_objects_on_the_remote():
    with synchro_paused(using=REMOTE):
        twins = [Country.objects.using(REMOTE).create(name="twin") for _ in range(2)]
    bad = Country.objects.create(name="twin", people=1)
    city = City.objects.create(name="city", country=bad)

    failed_until_mended(
        bad,
        "MultipleObjectsReturned: the natural key ('twin',) finds several objects on 'remote'",
        lambda: twins[1].delete(),
        waiting=(city,),
    )
    assert on_remote(Country, name="twin").pk == twins[0].pk


# Values that the remote's column cannot hold ------------------------------------------------------


def alter_column(alias: str, column: str, kind: str) -> None:
    connections[alias].check_constraints()  # PostgreSQL alters no table that has checks waiting for the commit
    execute(f"ALTER TABLE shapeapp_branch ALTER COLUMN {column} TYPE {kind}", alias=alias)


@pytest.mark.vendor("postgres", "sqlite-to-postgres")
@pytest.mark.parametrize(
    ("column", "kind", "value", "said"),
    [
        ("slug", "varchar(80)", "x" * 41, "DataError: value too long for type character varying(40)"),
        ("weight", "bigint", 2**31, "integer out of range"),
    ],
    ids=["text", "number"],
)
def test_value_that_only_the_local_column_can_hold(vendor, column, kind, value, said):
    if vendor.local == "postgres":
        alter_column(LOCAL, column, kind)  # SQLite takes anything as it is
    bad = Branch.objects.create(name="bad")
    execute(f"UPDATE shapeapp_branch SET {column} = %s WHERE id = %s", value, bad.pk)
    child = Branch.objects.create(name="child", parent=bad)

    failed_until_mended(bad, said, lambda: alter_column(REMOTE, column, kind), waiting=(child,))


@pytest.mark.vendor("sqlite-to-postgres")  # PostgreSQL holds no such text, and SQLite takes it
def test_text_with_a_nul_byte():
    bad = Branch.objects.create(name="nul\0byte")
    child = Branch.objects.create(name="child", parent=bad)

    failed_until_mended(
        bad, "NUL (0x00) bytes", lambda: Branch.objects.filter(pk=bad.pk).update(name="mended"), waiting=(child,)
    )


@pytest.fixture
def check_of_tickets() -> Iterator[Callable[[str], None]]:
    """Switch a check constraint off, on one side."""

    def switch_off(alias: str) -> None:
        if connections[alias].vendor == "sqlite":
            execute("PRAGMA ignore_check_constraints = ON", alias=alias)
        else:
            connections[alias].check_constraints()
            execute("ALTER TABLE shapeapp_ticket DROP CONSTRAINT shapeapp_ticket_range", alias=alias)

    yield switch_off
    for alias in (LOCAL, REMOTE):
        if connections[alias].vendor == "sqlite":
            execute("PRAGMA ignore_check_constraints = OFF", alias=alias)


def test_value_that_a_check_constraint_of_the_remote_refuses(check_of_tickets):
    check_of_tickets(LOCAL)
    bad = Ticket.objects.create(name="bad", number=51)

    failed_until_mended(bad, "shapeapp_ticket_range", lambda: check_of_tickets(REMOTE))


# Tables that differ -------------------------------------------------------------------------------


@pytest.fixture
def no_capture_on_remote() -> None:
    """Triggers name columns: SQLite would drop none of them."""
    install.uninstall(REMOTE)


def alter_remote(sql: str) -> None:
    connections[REMOTE].check_constraints()
    execute(sql, alias=REMOTE)


def refused_until_mended(spoil: str, said: str, mend: str) -> None:
    """Assert that nothing is written while a table lags behind its model, and everything when it does no more."""
    alter_remote(spoil)
    Author.objects.create(name="bystander")
    branch = Branch.objects.create(name="branch", weight=5)
    Branch.objects.create(name="child", parent=branch)
    Article.objects.create(name="article").topics.add(Topic.objects.create(name="topic"))

    with pytest.raises(Refused, match=said) as caught:
        synchronize()

    assert "manage.py migrate --database remote" in str(caught.value)
    assert not Author.objects.using(REMOTE).exists() and not kept()

    alter_remote(mend)
    synchronize_and_compare()


@pytest.mark.usefixtures("no_capture_on_remote")
def test_remote_table_that_lacks_the_column_of_a_natural_key():
    refused_until_mended(
        "ALTER TABLE shapeapp_branch RENAME COLUMN weight TO elsewhere",
        r"shapeapp_branch \(shapeapp\.Branch\) has no weight",
        "ALTER TABLE shapeapp_branch RENAME COLUMN elsewhere TO weight",
    )


@pytest.mark.usefixtures("no_capture_on_remote")
@pytest.mark.parametrize("table", ["shapeapp_branch", "shapeapp_article_topics"])
def test_remote_table_that_is_missing_is_left_out_until_it_is_there(table):
    alter_remote(f"ALTER TABLE {table} RENAME TO elsewhere")
    Author.objects.create(name="bystander")
    Branch.objects.create(name="child", parent=Branch.objects.create(name="branch", weight=5))
    Article.objects.create(name="article").topics.add(Topic.objects.create(name="topic"))

    report = synchronize()

    assert any(f"no table '{table}'" in each.reason for each in report.left_out)
    assert Author.objects.using(REMOTE).exists() and not kept()
    alter_remote(f"ALTER TABLE elsewhere RENAME TO {table}")
    synchronize_and_compare()
