"""A remote trigger or rule cancels an insert, or leads the row elsewhere: it is found again, or kept as a failure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from django.db import connections
from django.db.models import Model

from synchro_triggers import synchronize
from synchro_triggers.capture.install import compare, run_statements
from synchro_triggers.models import Failure, Reference
from tests.comparing import assert_same
from tests.databases import Pair, both
from tests.fieldapp.models import Chapter, Required
from tests.replay.hearing import hearing
from tests.shapeapp.models import Amphibian, Boat, Vehicle
from tests.testapp.models import Account, Document, Item, Numbered, Place, Restaurant, Tag, Tagged

pytestmark = [both, pytest.mark.thinned("*")]

REMOTE = "remote"
REASON = "the database returned no row for the insert"

POSTGRES_CANCEL = """
CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.{column}::text LIKE '%bad%' THEN RETURN NULL; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancel BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION cancel()
"""
SQLITE_CANCEL = """
CREATE TRIGGER cancel BEFORE INSERT ON {table} WHEN NEW.{column} LIKE '%bad%' BEGIN SELECT RAISE(IGNORE); END
"""
POSTGRES_REDIRECT = """
CREATE TABLE elsewhere (PRIMARY KEY ({key})) INHERITS ({table});
CREATE FUNCTION redirect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {renumber};
    INSERT INTO elsewhere VALUES (NEW.*);
    RETURN NULL;
END $$;
CREATE TRIGGER redirect BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION redirect()
"""
POSTGRES_UPSERT = """
CREATE FUNCTION overwrite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE testapp_numbered SET name = NEW.name WHERE number = NEW.number;
    IF FOUND THEN RETURN NULL; END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER overwrite BEFORE INSERT ON testapp_numbered FOR EACH ROW EXECUTE FUNCTION overwrite()
"""


def on_remote(sql: str) -> None:
    with connections[REMOTE].cursor() as cursor:
        for statement in [sql] if "BEGIN" in sql and connections[REMOTE].vendor == "sqlite" else sql.split(";\n\n"):
            cursor.execute(statement)


def cancel(vendor: Pair, model: type[Model], column: str) -> None:
    template = POSTGRES_CANCEL if vendor.remote == "postgres" else SQLITE_CANCEL
    on_remote(template.format(table=model._meta.db_table, column=column))


def redirect(model: type[Model], *, renumber: str = "NULL") -> None:
    on_remote(POSTGRES_REDIRECT.format(table=model._meta.db_table, key=model._meta.pk.column, renumber=renumber))


@contextmanager
def in_batches(settings: Any, model: type[Model]):
    settings.SYNCHRO_BATCH_SIGNALS = True
    with hearing(model):
        yield


@contextmanager
def by_save(settings: Any, model: type[Model]):
    def save(self: Model, *arguments: Any, **options: Any) -> None:
        Model.save(self, *arguments, **options)

    model.save = save  # type: ignore[method-assign]
    try:
        yield
    finally:
        del model.save


WAYS: dict[str, Callable[[Any, type[Model]], Any]] = {
    "in bulk": lambda settings, model: nullcontext(),
    "one by one": lambda settings, model: hearing(model),
    "a batch of signals": in_batches,
    "by its own save": by_save,
}
ways = pytest.mark.parametrize("way", WAYS)


def only(settings: Any, *models: type[Model]) -> None:
    settings.SYNCHRO_MODELS = tuple(model._meta.label for model in models)
    found = compare("default")
    run_statements("default", [sql for trigger in (*found.missing, *found.outdated) for sql in trigger.statements])


def make(model: type[Model], names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        more = {"number": number} if model is Numbered else {}
        model._base_manager.create(**{COLUMNS[model]: name}, **more)


COLUMNS = {
    Item: "name",
    Tag: "label",
    Numbered: "name",
    Account: "name",
    Document: "title",
    Place: "name",
    Restaurant: "name",
}
MODELS = [Item, Tag, Numbered, Account, Document]


@ways
def test_places_in_an_order_are_copied_where_inserts_may_return_nothing(vendor, settings, way):
    only(settings, Chapter, Required)
    cancel(vendor, Chapter, "name")
    book = Required.objects.create(name="book", json=[])
    chapters = [Chapter.objects.create(name=name, book=book) for name in ("a", "b", "bad", "c")]
    chapters[0].delete()

    with WAYS[way](settings, Chapter):
        report = synchronize()

    assert [failure.key for failure in report.failures] == [str(chapters[2].pk)]
    there = Chapter._base_manager.using(REMOTE)
    assert sorted(there.values_list("name", "_order")) == [("b", 1), ("c", 3)]


@ways
@pytest.mark.parametrize("suspect", [Vehicle, Boat])
def test_second_parent_gets_its_key_where_inserts_may_return_nothing(vendor, settings, way, suspect):
    only(settings, Amphibian, Boat)
    cancel(vendor, suspect, "name" if suspect is Vehicle else "draught")
    Boat._base_manager.using(REMOTE).create(draught=70)
    for number in (1, 2):
        Amphibian.objects.create(name=f"n{number}", draught=number)

    with WAYS[way](settings, Amphibian):
        assert synchronize().failures == []

    there = Amphibian._base_manager.using(REMOTE)
    assert sorted(there.values_list("name", "draught")) == [("n1", 1), ("n2", 2)]
    assert sorted(Boat._base_manager.using(REMOTE).values_list("draught", flat=True)) == [1, 2, 70]
    assert Boat._base_manager.using(REMOTE).create(draught=71).pk
    assert not synchronize().changed


@ways
@pytest.mark.parametrize("model", MODELS)
def test_cancelled_insert_is_a_kept_failure_and_the_others_arrive(vendor, settings, model, way):
    cancel(vendor, model, COLUMNS[model])
    make(model, ["a", "bad", "c"])

    with WAYS[way](settings, model):
        reports = [synchronize(), synchronize()]

    for report in reports:
        assert [failure.model for failure in report.failures] == [model._meta.label]
        assert REASON in report.failures[0].error
    assert reports[0].created == 2
    assert not reports[1].created
    assert sorted(model._base_manager.using(REMOTE).values_list(COLUMNS[model], flat=True)) == ["a", "c"]
    assert not Reference.objects.using(REMOTE).filter(remote_pk__in=("", "None")).exists()
    assert Failure.objects.using(REMOTE).count() == 1

    on_remote("DROP TRIGGER cancel" + (f" ON {model._meta.db_table}" if vendor.remote == "postgres" else ""))
    assert synchronize().failures == []
    assert_same(model)


@ways
def test_cancelled_child_row_is_a_kept_failure(vendor, settings, way):
    cancel(vendor, Place, "name")
    make(Restaurant, ["a", "bad"])

    with WAYS[way](settings, Restaurant):
        report = synchronize()

    assert [failure.model for failure in report.failures] == ["testapp.Restaurant"]
    assert [each.name for each in Restaurant.objects.using(REMOTE).all()] == ["a"]
    assert Place.objects.using(REMOTE).count() == 1


@ways
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("model", MODELS)
def test_redirected_row_is_known_again(settings, model, way):
    redirect(model)
    make(model, ["a", "b", "c"])

    with WAYS[way](settings, model):
        report = synchronize()

        assert (report.created, report.failures) == (3, [])
        assert_same(model)
        model._base_manager.filter(**{COLUMNS[model]: "a"}).delete()
        if model is not Account:
            model._base_manager.filter(**{COLUMNS[model]: "b"}).update(**{COLUMNS[model]: "changed"})
        report = synchronize()

    assert (report.created, report.deleted, report.failures) == (0, 1, [])
    assert_same(model)
    assert not synchronize().changed


@ways
@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("model", [Tag, Numbered])
def test_redirected_row_that_got_another_key_is_found_by_its_natural_key_or_a_unique_field(settings, model, way):
    redirect(model, renumber="NEW.id := NEW.id + 5000")
    make(model, ["a", "b"])

    with WAYS[way](settings, model):
        report = synchronize()

    assert (report.created, report.failures) == (2, [])
    model._base_manager.filter(**{COLUMNS[model]: "b"}).update(**{COLUMNS[model]: "changed"})
    assert synchronize().updated == 1
    assert_same(model)


@ways
@pytest.mark.vendor("postgres")
def test_redirected_row_that_nothing_tells_is_a_failure_and_is_not_doubled(settings, way):
    redirect(Item, renumber="NEW.id := NEW.id + 5000")
    make(Item, ["a", "b"])

    with WAYS[way](settings, Item):
        reports = [synchronize(), synchronize()]

    assert all(REASON in failure.error for report in reports for failure in report.failures)
    assert [len(report.failures) for report in reports] == [2, 2]
    assert not Item.objects.using(REMOTE).exists()


@pytest.mark.vendor("postgres")
@ways
def test_row_of_a_view_is_found_by_the_key_that_it_was_given(settings, way):
    on_remote("""
        ALTER TABLE testapp_item RENAME TO all_items;
        CREATE VIEW testapp_item AS SELECT id, name, cash FROM all_items;
        CREATE RULE lead AS ON INSERT TO testapp_item DO INSTEAD
            INSERT INTO all_items (id, name, cash) VALUES (coalesce(NEW.id, 900 + length(NEW.name)), NEW.name, NEW.cash)
    """)
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"identity": "pk"}}
    make(Item, ["a", "bb"])

    with WAYS[way](settings, Item):
        report = synchronize()

    assert (report.created, report.failures) == (2, [])
    assert_same(Item)


@pytest.mark.vendor("sqlite")
@ways
def test_row_of_a_view_of_sqlite_is_found_by_the_key_that_it_was_given(settings, way):
    on_remote("ALTER TABLE testapp_item RENAME TO all_items")
    on_remote("CREATE VIEW testapp_item AS SELECT id, name, cash FROM all_items")
    on_remote("""CREATE TRIGGER lead INSTEAD OF INSERT ON testapp_item BEGIN
        INSERT INTO all_items (id, name, cash) VALUES (NEW.id, NEW.name, NEW.cash); END""")
    make(Item, ["a", "bb"])

    with WAYS[way](settings, Item):
        report = synchronize()

    assert (report.created, report.failures) == (2, [])
    assert sorted(Item.objects.using(REMOTE).values_list("name", flat=True)) == ["a", "bb"]
    assert not synchronize().changed


@pytest.mark.parametrize("observed", [False, True])
def test_cancelled_link_is_a_kept_failure(vendor, observed):
    through = Tagged.tags.through
    tagged = Tagged.objects.create(title="t")
    tags = [Tag.objects.create(label=label) for label in "ab"]
    synchronize()
    bad = Tag.objects.using(REMOTE).get(label="b").pk
    template, literal = (POSTGRES_CANCEL, f"'{bad}'") if vendor.remote == "postgres" else (SQLITE_CANCEL, bad)
    on_remote(template.replace("LIKE '%bad%'", f"= {literal}").format(table=through._meta.db_table, column="tag_id"))
    tagged.tags.set(tags)

    with hearing(through) if observed else nullcontext():
        report = synchronize()

    assert report.failures
    assert all(REASON in failure.error for failure in report.failures)
    there = Tagged.objects.using(REMOTE).get()
    assert "b" not in there.tags.using(REMOTE).values_list("label", flat=True)


def test_triggers_that_return_the_row_cost_no_failure(vendor):
    """Most triggers before an insert only set a value."""
    cancel(vendor, Item, "name")
    make(Item, ["a", "b"])

    assert synchronize().failures == []
    assert_same(Item)
    assert synchronize().changed is False


@ways
def test_cancelled_row_is_not_taken_for_another_one_with_its_unique_value(vendor, settings, way):
    cancel(vendor, Numbered, "name")
    theirs = Numbered.objects.using(REMOTE).create(name="theirs", number=1)
    make(Numbered, ["bad"])

    with WAYS[way](settings, Numbered):
        report = synchronize()

    assert [REASON in failure.error for failure in report.failures] == [True]
    assert not Reference.objects.using(REMOTE).filter(model_label=Numbered._meta.label).exists()
    assert list(Numbered.objects.using(REMOTE).values_list("pk", "name")) == [(theirs.pk, "theirs")]


@ways
@pytest.mark.vendor("postgres")
def test_row_that_an_insert_has_overwritten_is_known_again(settings, way):
    on_remote(POSTGRES_UPSERT)
    theirs = Numbered.objects.using(REMOTE).create(name="theirs", number=1)
    make(Numbered, ["a"])

    with WAYS[way](settings, Numbered):
        report = synchronize()

    assert report.failures == []
    assert list(Numbered.objects.using(REMOTE).values_list("pk", "name")) == [(theirs.pk, "a")]
    assert not synchronize().changed
