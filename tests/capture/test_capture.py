"""Complete: every committed change of a captured row is logged, whoever made it, and only committed ones."""

from __future__ import annotations

import json

import pytest
from django.db import IntegrityError, connection, connections, transaction

from synchro_triggers.capture.install import install
from synchro_triggers.capture.session import replaying_for
from synchro_triggers.models import ChangeLog
from tests.databases import both, both_committed, install_triggers
from tests.oddapp import models as odd
from tests.testapp.models import (
    Account,
    Club,
    Document,
    Entry,
    Friend,
    Item,
    Keyed,
    Membership,
    Node,
    Numbered,
    Place,
    Restaurant,
    Tag,
    Tagged,
    Unlisted,
)

pytestmark = both


def logged(model: type) -> list[tuple[str, str]]:
    """Return operation and key of the log rows of a model, in order."""
    rows = ChangeLog.objects.filter(model_label=model._meta.label).order_by("id")
    return list(rows.values_list("operation", "object_pk"))


@pytest.fixture
def capture(settings):
    """Capture more models for the time of the test, whose rollback takes their triggers away again."""

    def also(*models: type) -> None:
        settings.SYNCHRO_MODELS = (*settings.SYNCHRO_MODELS, *(model._meta.label for model in models))
        found = install("default")
        assert not found.absent_tables

    return also


def forget() -> None:
    ChangeLog.objects.all().delete()


def execute(sql: str, params=None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def exists(query: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone() is not None


@pytest.fixture
def item():
    made = Item.objects.create(name="a")
    forget()
    return made


# The ORM --------------------------------------------------------------------------------------------


def test_save_of_a_new_object_is_logged_as_insert():
    made = Item.objects.create(name="a")

    assert logged(Item) == [("I", str(made.pk))]


def test_save_of_a_known_object_is_logged_as_update_with_the_names_of_changed_fields(item):
    item.cash = 3
    item.save()

    row = ChangeLog.objects.get()
    assert (row.operation, row.object_pk, row.changed_fields, row.origin) == ("U", str(item.pk), "cash", "")


def test_save_without_a_change_is_not_logged(item):
    item.save()

    assert logged(Item) == []


def test_delete_is_logged(item):
    key = str(item.pk)

    item.delete()

    assert logged(Item) == [("D", key)]


def test_queryset_update_is_logged_for_each_row_that_changes():
    Item.objects.bulk_create([Item(name="a", cash=1), Item(name="b", cash=2)])
    forget()

    Item.objects.update(cash=2)

    assert logged(Item) == [("U", str(Item.objects.get(name="a").pk))]


def test_bulk_create_is_logged():
    made = Item.objects.bulk_create([Item(name="a"), Item(name="b")])

    assert logged(Item) == [("I", str(item.pk)) for item in made]


def test_bulk_create_with_ignored_conflicts_logs_what_was_inserted():
    Account.objects.create(name="old")
    forget()

    Account.objects.bulk_create([Account(name="old", cash=5), Account(name="new")], ignore_conflicts=True)

    assert ("I", "new") in logged(Account)
    assert Account.objects.get(name="old").cash == 0


def test_bulk_create_with_updated_conflicts_logs_the_update():
    Account.objects.create(name="old")
    forget()

    Account.objects.bulk_create(
        [Account(name="old", cash=5), Account(name="new")],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["cash"],
    )

    assert {("U", "old"), ("I", "new")} <= set(logged(Account))


def test_bulk_update_is_logged():
    made = Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    forget()
    for number, item in enumerate(made, start=1):
        item.cash = number

    Item.objects.bulk_update(made, ["cash"])

    assert sorted(logged(Item)) == sorted(("U", str(item.pk)) for item in made)


def test_queryset_delete_and_cascade_are_logged():
    account = Account.objects.create(name="a")
    entry = Entry.objects.create(name="e", account=account)
    key = str(entry.pk)
    forget()

    Account.objects.all().delete()

    assert logged(Account) == [("D", "a")] and logged(Entry) == [("D", key)]


def test_children_that_the_database_deletes_by_itself_are_logged(capture):
    execute("CREATE TABLE oddapp_parent (id integer PRIMARY KEY, name varchar(20) NOT NULL)")
    execute(
        "CREATE TABLE oddapp_child"
        " (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES oddapp_parent (id) ON DELETE CASCADE)"
    )
    capture(odd.Parent, odd.Child)
    execute("INSERT INTO oddapp_parent (id, name) VALUES (1, 'a')")
    execute("INSERT INTO oddapp_child (id, parent_id) VALUES (10, 1), (11, 1)")
    forget()

    execute("DELETE FROM oddapp_parent")

    assert logged(odd.Parent) == [("D", "1")]
    assert sorted(logged(odd.Child)) == [("D", "10"), ("D", "11")]


# SQL ------------------------------------------------------------------------------------------------


def test_raw_insert_update_and_delete_are_logged():
    execute("INSERT INTO testapp_item (id, name, cash) VALUES (900, 'a', 1)")
    execute("UPDATE testapp_item SET cash = 2, name = 'b' WHERE id = 900")
    execute("DELETE FROM testapp_item WHERE id = 900")

    assert logged(Item) == [("I", "900"), ("U", "900"), ("D", "900")]
    assert ChangeLog.objects.get(operation="U").changed_fields == "name,cash"


def test_upsert_is_logged():
    execute("INSERT INTO testapp_account (name, cash, visits) VALUES ('a', 1, 0)")
    forget()

    execute(
        "INSERT INTO testapp_account (name, cash, visits) VALUES ('a', 2, 0), ('b', 1, 0)"
        " ON CONFLICT (name) DO UPDATE SET cash = excluded.cash"
    )

    assert {("U", "a"), ("I", "b")} <= set(logged(Account))


@pytest.mark.vendor("postgres")
def test_merge_is_logged():
    execute("INSERT INTO testapp_account (name, cash, visits) VALUES ('a', 1, 0), ('gone', 1, 0)")
    forget()

    execute(
        "MERGE INTO testapp_account t USING (VALUES ('a'), ('b'), ('gone')) AS s (name) ON t.name = s.name"
        " WHEN MATCHED AND t.name = 'gone' THEN DELETE WHEN MATCHED THEN UPDATE SET cash = 7"
        " WHEN NOT MATCHED THEN INSERT (name, cash, visits) VALUES (s.name, 0, 0)"
    )

    assert set(logged(Account)) == {("U", "a"), ("I", "b"), ("D", "gone")}


@pytest.mark.vendor("postgres")
def test_copy_is_logged():
    with connection.cursor() as cursor, cursor.copy("COPY testapp_item (id, name, cash) FROM STDIN") as copy:
        copy.write_row((901, "a", 1))
        copy.write_row((902, "b", 2))

    assert logged(Item) == [("I", "901"), ("I", "902")]


@pytest.mark.vendor("postgres")
def test_truncate_is_logged_as_a_delete_of_every_row():
    made = Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    forget()

    execute("TRUNCATE testapp_item")

    assert sorted(logged(Item)) == sorted(("D", str(item.pk)) for item in made)


@pytest.mark.vendor("sqlite")
def test_insert_or_replace_logs_the_rows_it_replaces():
    old = Numbered.objects.create(number=1)
    key = str(old.pk)
    forget()

    execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (77, 1, 'new')")

    assert set(logged(Numbered)) == {("D", key), ("I", "77")}


@pytest.mark.vendor("sqlite")
def test_update_or_replace_logs_the_rows_it_replaces():
    old, other = Numbered.objects.create(number=1), Numbered.objects.create(number=2)
    keys = str(old.pk), str(other.pk)
    forget()

    execute("UPDATE OR REPLACE testapp_numbered SET number = 1 WHERE number = 2")

    assert {("D", keys[0]), ("U", keys[1])} <= set(logged(Numbered))


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("index", ["(lower(name))", "(name) WHERE number > 0"])
def test_insert_or_replace_is_logged_for_expression_and_partial_indexes(index):
    old = Numbered.objects.create(number=1, name="same")
    key = str(old.pk)
    execute(f"CREATE UNIQUE INDEX by_name ON testapp_numbered {index}")
    install_triggers()
    forget()

    execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (77, 9, 'same')")

    assert set(logged(Numbered)) == {("D", key), ("I", "77")}


def test_primary_key_changed_by_sql_is_a_delete_and_an_insert(item):
    execute("UPDATE testapp_item SET id = id + 1000")

    assert set(logged(Item)) == {("D", str(item.pk)), ("I", str(item.pk + 1000))}


def test_primary_keys_handed_on_in_one_statement_leave_no_change_out():
    execute("INSERT INTO testapp_item (id, name, cash) VALUES (1001, 'a', 0), (1003, 'c', 0)")
    forget()

    execute("UPDATE testapp_item SET id = id + 1 WHERE id > 1000")

    assert {key for _, key in logged(Item)} == {"1001", "1002", "1003", "1004"}


@pytest.mark.vendor("postgres")
def test_primary_keys_swapped_in_one_statement_log_both_rows():
    execute("ALTER TABLE testapp_numbered DROP CONSTRAINT testapp_numbered_pkey, ADD PRIMARY KEY (id) DEFERRABLE")
    execute("INSERT INTO testapp_numbered (id, number, name) VALUES (1001, 1, 'a'), (1002, 2, 'b')")
    forget()

    execute("UPDATE testapp_numbered SET id = 2003 - id")

    assert sorted(logged(Numbered)) == [("U", "1001"), ("U", "1002")]
    assert set(ChangeLog.objects.values_list("changed_fields", flat=True)) == {"number,name"}


@pytest.mark.vendor("sqlite")
def test_primary_keys_swapped_step_by_step_log_both_rows():
    execute("INSERT INTO testapp_item (id, name, cash) VALUES (1001, 'a', 0), (1002, 'b', 0)")
    forget()

    for old, new in ((1001, -1), (1002, 1001), (-1, 1002)):
        execute(f"UPDATE testapp_item SET id = {new} WHERE id = {old}")

    assert {("D", "1001"), ("I", "1001"), ("D", "1002"), ("I", "1002")} <= set(logged(Item))


def test_part_of_a_composite_key_changed_by_sql_is_a_delete_and_an_insert(capture):
    capture(odd.Point)
    odd.Point.objects.create(x=1, y='a "b"')
    forget()

    odd.Point.objects.update(name="n")
    execute("UPDATE oddapp_point SET x = 2")

    rows = [(operation, json.loads(key)) for operation, key in logged(odd.Point)]
    assert rows[0] == ("U", [1, 'a "b"'])
    assert sorted(rows[1:]) == [("D", [1, 'a "b"']), ("I", [2, 'a "b"'])]


# Rows that a unique conflict replaces (SQLite) --------------------------------------------------------


@pytest.mark.vendor("sqlite")
def test_insert_or_replace_of_the_same_key_is_logged(item):
    execute(f"INSERT OR REPLACE INTO testapp_item (id, name, cash) VALUES ({item.pk}, 'b', 0)")

    assert ("I", str(item.pk)) in logged(Item)


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    "index",
    [
        "(name COLLATE NOCASE)",
        "(name COLLATE NOCASE DESC) WHERE number > 0",
        "(lower(name), substr(upper(name), 1, 2) ASC)",
        "(upper(name || ')('))",
    ],
)
@pytest.mark.parametrize("statement", ["INSERT", "UPDATE"])
def test_row_that_is_equal_only_to_the_index_is_logged_when_it_is_replaced(index, statement):
    old, other = Numbered.objects.create(number=1, name="same"), Numbered.objects.create(number=2, name="b")
    execute(f"CREATE UNIQUE INDEX by_name ON [testapp_numbered] {index}")
    install_triggers()
    forget()

    if statement == "INSERT":
        execute("INSERT OR REPLACE INTO testapp_numbered (id, number, name) VALUES (77, 9, 'SAME')")
    else:
        execute(f"UPDATE OR REPLACE testapp_numbered SET name = 'SAME' WHERE id = {other.pk}")

    assert not Numbered.objects.filter(pk=old.pk).exists()
    assert ("D", str(old.pk)) in logged(Numbered)


@pytest.mark.vendor("sqlite")
def test_row_that_enters_a_partial_index_logs_the_row_it_replaces():
    old, other = Numbered.objects.create(number=1, name="same"), Numbered.objects.create(number=-2, name="same")
    execute("CREATE UNIQUE INDEX by_name ON testapp_numbered (name) WHERE number > 0")
    install_triggers()
    forget()

    execute(f"UPDATE OR REPLACE testapp_numbered SET number = 5 WHERE id = {other.pk}")

    assert not Numbered.objects.filter(pk=old.pk).exists()
    assert ("D", str(old.pk)) in logged(Numbered)


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("index", ["(lower(name))", "(name)"])
@pytest.mark.parametrize(("number", "others"), [(1, -2), (-1, 2)])
def test_row_with_which_a_partial_index_has_no_conflict_is_not_logged(index, number, others):
    """Both have the same name in the end, and one of them is not in the index."""
    Numbered.objects.create(number=number, name="same")
    other = Numbered.objects.create(number=others, name="other")
    execute(f"CREATE UNIQUE INDEX by_name ON testapp_numbered {index} WHERE \"number\" > 0 AND name <> ')'")
    install_triggers()
    forget()

    execute(f"UPDATE testapp_numbered SET name = 'same' WHERE id = {other.pk}")
    execute("INSERT INTO testapp_numbered (id, number, name) VALUES (77, -5, 'same')")

    assert set(logged(Numbered)) == {("U", str(other.pk)), ("I", "77")}


@pytest.mark.vendor("sqlite")
def test_conflict_of_a_generated_column_logs_the_row_it_replaces(capture):
    capture(odd.Doubled)
    execute("INSERT INTO oddapp_doubled (id, number) VALUES (1, 1), (2, 2)")
    forget()

    execute("INSERT OR REPLACE INTO oddapp_doubled (id, number) VALUES (3, 1)")
    execute("UPDATE OR REPLACE oddapp_doubled SET number = 2 WHERE id = 3")

    assert {("D", "1"), ("I", "3"), ("D", "2"), ("U", "3")} <= set(logged(odd.Doubled))


@pytest.mark.vendor("sqlite")
def test_table_without_rowid_logs_the_rows_that_are_replaced(capture):
    execute("CREATE TABLE oddapp_collated (key text PRIMARY KEY, name text NOT NULL) WITHOUT ROWID")
    execute("CREATE UNIQUE INDEX by_name ON oddapp_collated (lower(name))")
    capture(odd.Collated)
    execute("INSERT INTO oddapp_collated VALUES ('a', 'same')")
    forget()

    execute("INSERT OR REPLACE INTO oddapp_collated VALUES ('b', 'SAME')")

    assert set(logged(odd.Collated)) == {("D", "a"), ("I", "b")}


# What is not logged ---------------------------------------------------------------------------------


def test_rolled_back_change_is_not_logged():
    with pytest.raises(LookupError), transaction.atomic():
        Item.objects.create(name="a")
        raise LookupError

    assert logged(Item) == []


def test_change_rolled_back_to_a_savepoint_is_not_logged_and_the_rest_is(transactional_db):
    with transaction.atomic():
        before = Item.objects.create(name="before")
        with pytest.raises(LookupError), transaction.atomic():
            Item.objects.create(name="rolled back")
            raise LookupError
        after = Item.objects.create(name="after")

    assert logged(Item) == [("I", str(before.pk)), ("I", str(after.pk))]


def test_statement_that_fails_is_not_logged():
    Numbered.objects.create(number=1)
    forget()

    with pytest.raises(IntegrityError), transaction.atomic():
        Numbered.objects.create(number=1)

    assert logged(Numbered) == []


def test_change_of_skipped_fields_alone_is_not_logged():
    Account.objects.create(name="a")
    forget()

    Account.objects.update(visits=5)

    assert logged(Account) == []


def test_change_of_skipped_and_other_fields_names_the_others():
    Account.objects.create(name="a")
    forget()

    Account.objects.update(visits=5, cash=5)

    assert ChangeLog.objects.get().changed_fields == "cash"


def test_table_of_a_model_that_is_not_listed_is_not_logged():
    Unlisted.objects.create(name="a")

    assert not ChangeLog.objects.exists()


# Values ---------------------------------------------------------------------------------------------


def test_null_to_value_and_back_is_logged():
    node = Node.objects.create(name="n")
    other = Node.objects.create(name="o")
    forget()

    Node.objects.filter(pk=node.pk).update(parent=other)
    Node.objects.filter(pk=node.pk).update(parent=None)

    assert logged(Node) == [("U", str(node.pk))] * 2


def test_json_values_are_compared_by_what_they_look_like(capture):
    capture(odd.Settled)
    made = odd.Settled.objects.create(settings={"a": 1})
    forget()

    odd.Settled.objects.update(settings={"a": 1})
    odd.Settled.objects.update(settings={"a": [1, None]})
    odd.Settled.objects.update(settings=None)

    assert logged(odd.Settled) == [("U", str(made.pk))] * 2
    assert set(ChangeLog.objects.values_list("changed_fields", flat=True)) == {"settings"}


@pytest.mark.vendor("postgres")
def test_json_column_without_equality_is_captured(capture):
    made = odd.Settled.objects.create(settings={"a": 1})
    execute("ALTER TABLE oddapp_settled ALTER COLUMN settings TYPE json")
    capture(odd.Settled)

    execute("UPDATE oddapp_settled SET settings = '{\"a\": 2}', ratio = 'NaN'")
    execute("UPDATE oddapp_settled SET ratio = 'NaN', blob = 'x', day = 'infinity'")

    assert logged(odd.Settled) == [("U", str(made.pk))] * 2
    fields = ChangeLog.objects.order_by("id").values_list("changed_fields", flat=True)
    assert list(fields) == ["settings,ratio", "blob,day"]


@pytest.mark.vendor("sqlite")
def test_change_of_type_alone_is_logged(capture):
    made = odd.Settled.objects.create(ratio=1.0)
    capture(odd.Settled)

    execute("UPDATE oddapp_settled SET settings = '1'")
    execute("UPDATE oddapp_settled SET settings = x'31'")

    assert logged(odd.Settled) == [("U", str(made.pk))] * 2


COLLATED = {
    "nocase": "text COLLATE NOCASE",
    "citext": "citext",
    "nondeterministic": "text COLLATE blind",
}


@pytest.fixture(params=["nocase", "citext", "nondeterministic"])
def collated(request, vendor, capture):
    """A table whose key and name are equal in any case, to the database."""
    if (request.param == "nocase") != (vendor.local == "sqlite"):
        pytest.skip("the other vendor's way to ignore case")
    if request.param == "citext":
        if not exists("SELECT FROM pg_available_extensions WHERE name = 'citext'"):
            pytest.skip("this PostgreSQL server comes without the extension citext; --postgres=docker has it")
        execute("CREATE EXTENSION citext")
    if request.param == "nondeterministic":
        if not exists("SELECT FROM pg_collation WHERE collname = 'und-x-icu'"):
            pytest.skip("this PostgreSQL server is built without ICU; --postgres=docker has it")
        execute("CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    kind = COLLATED[request.param]
    execute(f"CREATE TABLE oddapp_collated (key {kind} PRIMARY KEY, name {kind} NOT NULL)")
    execute("INSERT INTO oddapp_collated (key, name) VALUES ('k', 'a')")
    capture(odd.Collated)


def test_change_of_letter_case_is_logged_where_the_database_sees_none(collated):
    execute("UPDATE oddapp_collated SET name = 'A'")

    assert logged(odd.Collated) == [("U", "k")]


def test_change_of_letter_case_of_a_key_is_logged_where_the_database_sees_none(collated):
    execute("UPDATE oddapp_collated SET key = 'K'")

    assert sorted(logged(odd.Collated)) == [("D", "k"), ("I", "K")]


def test_change_of_letter_case_alone_is_logged(item):
    Item.objects.update(name="A")

    assert logged(Item) == [("U", str(item.pk))]


def test_origin_of_a_replayed_change_is_logged_and_ends_with_its_block():
    with replaying_for("default", "office"):
        Item.objects.create(name="theirs")
    Item.objects.create(name="ours")

    assert list(ChangeLog.objects.order_by("id").values_list("origin", flat=True)) == ["office", ""]


def test_old_natural_key_is_kept_when_it_changes_or_goes():
    keyed = Keyed.objects.create(code="old", cash=1)
    forget()

    Keyed.objects.update(code="new")
    Keyed.objects.update(cash=2)
    keyed.delete()

    kept = [json.loads(row.old_values) if row.old_values else None for row in ChangeLog.objects.order_by("id")]
    assert kept == [{"code": "old"}, None, {"code": "new"}]


def test_uuid_key_is_logged_as_it_is_written():
    made = Document.objects.create(title="a")

    assert logged(Document) == [("I", str(made.pk))]


@pytest.mark.parametrize("name", ["with, comma", "it's", 'a "quote"', "line\nbreak", "zażółć", "%s", "a\\b", "'; DROP"])
def test_text_keys_are_logged_verbatim(name):
    Account.objects.create(name=name)
    Account.objects.all().delete()

    assert logged(Account) == [("I", name), ("D", name)]


# Many-to-many and inheritance -----------------------------------------------------------------------


def test_links_are_logged_from_both_sides():
    tag, tagged = Tag.objects.create(label="a"), Tagged.objects.create(title="t")
    forget()

    tagged.tags.add(tag)
    tag.tagged.clear()

    rows = ChangeLog.objects.order_by("id")
    assert [(row.model_label, row.operation) for row in rows] == [
        ("testapp.Tagged_tags", "I"),
        ("testapp.Tagged_tags", "D"),
    ]
    assert json.loads(rows[1].old_values) == {"tagged_id": tagged.pk, "tag_id": tag.pk}


def test_symmetrical_links_are_logged_in_both_directions():
    one, other = Friend.objects.create(name="1"), Friend.objects.create(name="2")
    forget()

    one.friends.add(other)

    assert len(logged(Friend.friends.through)) == 2


def test_through_model_that_is_not_listed_is_captured_with_its_owner():
    club, tag, extra = Club.objects.create(name="c"), Tag.objects.create(label="a"), Unlisted.objects.create()

    made = Membership.objects.create(club=club, member=tag, extra=extra)

    assert logged(Membership) == [("I", str(made.pk))]


def test_parent_and_child_rows_are_both_logged():
    made = Restaurant.objects.create(name="r")
    Place.objects.update(name="other")

    assert logged(Restaurant) == [("I", str(made.pk))]
    assert logged(Place) == [("I", str(made.pk)), ("U", str(made.pk))]


def test_links_set_and_removed_are_logged():
    tags = [Tag.objects.create(label=label) for label in "abc"]
    tagged = Tagged.objects.create(title="t")
    tagged.tags.set(tags[:2])
    forget()

    tagged.tags.set(tags[1:])
    tagged.tags.remove(tags[1])

    operations = [operation for operation, _ in logged(Tagged.tags.through)]
    assert sorted(operations) == ["D", "D", "I"]


def test_links_of_a_relation_to_itself_are_logged_by_their_own_table():
    one, other = Friend.objects.create(name="1"), Friend.objects.create(name="2")
    forget()

    one.follows.add(other)
    other.followers.clear()

    assert [operation for operation, _ in logged(Friend.follows.through)] == ["I", "D"]
    assert logged(Friend.friends.through) == []


def test_child_row_alone_is_logged_when_only_its_own_fields_change():
    made = Restaurant.objects.create(name="r")
    forget()

    made.stars = 3
    made.save()

    assert logged(Restaurant) == [("U", str(made.pk))] and logged(Place) == []


# Names ----------------------------------------------------------------------------------------------

ODD = (odd.Select, odd.Reserved, odd.Long1, odd.Long2)


def watched_fields(model: type) -> list:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


@pytest.mark.parametrize("model", ODD, ids=lambda model: model.__name__)
def test_odd_names_of_tables_and_columns_are_captured(capture, model):
    capture(*ODD)
    made = model.objects.create(pk="7")
    forget()

    for field in watched_fields(model):
        model.objects.update(**{field.name: "1"})
    model.objects.all().delete()

    assert logged(model) == [("U", str(made.pk))] * len(watched_fields(model)) + [("D", "7")]
    changed = ChangeLog.objects.filter(operation="U").order_by("id").values_list("changed_fields", flat=True)
    assert list(changed) == [field.name for field in watched_fields(model)]


@pytest.mark.parametrize("model", [odd.Percent, odd.Apostrophe])
def test_names_that_django_has_trouble_with_are_captured(capture, model):
    """Other programs have none."""
    table, column = f'"{model._meta.db_table}"', f'"{model._meta.get_field("rate").column}"'
    execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, {column} integer NOT NULL)")
    capture(model)

    execute(f"INSERT INTO {table} VALUES (1, 1)")
    execute(f"UPDATE {table} SET {column} = 2")
    execute(f"DELETE FROM {table}")

    assert logged(model) == [("I", "1"), ("U", "1"), ("D", "1")]


@pytest.mark.vendor("sqlite")
def test_names_in_another_case_than_the_model_has_are_captured(capture):
    """SQLite does not mind, and so Django does not notice."""
    execute("CREATE TABLE ODDAPP_LEGACY (ID integer PRIMARY KEY, NAME text NOT NULL, CODE integer UNIQUE)")
    capture(odd.Legacy)
    made = odd.Legacy.objects.create(name="a", code=1)
    forget()

    odd.Legacy.objects.update(name="b")
    execute("INSERT OR REPLACE INTO oddapp_legacy (id, name, code) VALUES (77, 'c', 1)")

    assert logged(odd.Legacy)[0] == ("U", str(made.pk))
    assert {("D", str(made.pk)), ("I", "77")} <= set(logged(odd.Legacy))


@pytest.mark.vendor("postgres")
def test_table_in_another_schema_is_captured(capture, monkeypatch):
    execute("CREATE SCHEMA attic")
    execute("CREATE TABLE attic.parents (id integer PRIMARY KEY, name text NOT NULL)")
    monkeypatch.setattr(odd.Parent._meta, "db_table", 'attic"."parents')
    capture(odd.Parent)

    execute("INSERT INTO attic.parents VALUES (1, 'a')")
    execute("TRUNCATE attic.parents")

    assert logged(odd.Parent) == [("I", "1"), ("D", "1")]


# Plans and rights -----------------------------------------------------------------------------------


@pytest.mark.vendor("postgres")
def test_trigger_functions_close_both_plan_traps_and_fix_their_rights():
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig, prosecdef FROM pg_proc WHERE proname LIKE 'synchro\\_%'")
        functions = cursor.fetchall()

    assert functions
    for settings, definer in functions:
        assert {"search_path=pg_catalog, pg_temp", "jit=off", "enable_nestloop=off"} <= set(settings) and definer


@pytest.mark.vendor("postgres")
def test_role_with_rights_on_its_table_only_is_logged():
    execute("CREATE ROLE clerk")
    execute("GRANT USAGE ON SCHEMA public TO clerk")
    execute("GRANT SELECT, INSERT ON testapp_account TO clerk")
    execute("SET LOCAL ROLE clerk")
    execute("INSERT INTO testapp_account (name, cash, visits) VALUES ('a', 0, 0)")
    execute("RESET ROLE")

    assert logged(Account) == [("I", "a")]


@pytest.mark.vendor("postgres")
@pytest.mark.parametrize("search_path", ["''", "hostile, public"])
def test_search_path_of_the_writer_does_not_matter(search_path):
    execute("CREATE SCHEMA hostile")
    execute("CREATE TABLE hostile.synchro_triggers_changelog (LIKE public.synchro_triggers_changelog)")
    execute(f"SET LOCAL search_path = {search_path}")
    execute("INSERT INTO public.testapp_account (name, cash, visits) VALUES ('a', 0, 0)")
    execute("SET LOCAL search_path = public")

    assert logged(Account) == [("I", "a")]


@pytest.mark.vendor("postgres")
def test_truncate_with_an_empty_search_path_works():
    Account.objects.create(name="a")
    forget()

    execute("SET LOCAL search_path = ''")
    execute("TRUNCATE public.testapp_account CASCADE")
    execute("SET LOCAL search_path = public")

    assert logged(Account) == [("D", "a")]


@both_committed
def test_both_databases_capture():
    Item.objects.using("remote").create(name="a")

    assert ChangeLog.objects.using("remote").filter(model_label="testapp.Item").count() == 1
    assert connections["remote"].alias == "remote"


STORED = (
    *("NULL", "1", "1.0", "'1'", "'1.0'", "x'31'", "0", "-0.0", "'a'", "'A'", "x'61'", "''", "x''", "1e20", "'1e20'"),
    *("9007199254740993", "9007199254740992.0", "'9007199254740993'", "9223372036854775807", "9223372036854775807.0"),
)
DECLARED = (
    *("integer", "bigint unsigned", "bool", "decimal", "real", "double precision", "datetime", "text", "varchar(9)"),
    *("char(32)", "BLOB", "", "any", "TEXT COLLATE NOCASE", "integer COLLATE NOCASE", "BLOB COLLATE NOCASE"),
)


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("declared", DECLARED)
def test_change_of_a_value_or_its_type_is_logged_whatever_a_column_is_declared_as(declared):
    execute("DROP TABLE testapp_item")
    execute(f"CREATE TABLE testapp_item (id integer PRIMARY KEY, name text NOT NULL DEFAULT '', cash {declared})")
    install_triggers("default")
    for new in STORED:
        execute("DELETE FROM testapp_item")
        execute(
            f"INSERT INTO testapp_item (id, cash) VALUES {', '.join(f'({n}, {old})' for n, old in enumerate(STORED))}"
        )
        before = stored()
        forget()

        execute(f"UPDATE testapp_item SET cash = {new}")

        after = stored()
        assert logged(Item) == [("U", str(key)) for key in before if before[key] != after[key]], new


def stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, typeof(cash), quote(cash) FROM testapp_item")
        return {key: stored for key, *stored in cursor.fetchall()}
