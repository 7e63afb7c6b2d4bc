"""Known when they meet: what may be on the remote already is not created there until somebody has said so."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.capture.unlogged import describe_unlogged
from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog, Checkpoint, Introduction, Node, Reference
from tests.databases import both, both_committed
from tests.testapp.models import Account, Club, Friend, Item, Keyed, Membership, Numbered, Tag, Unlisted

REMOTE = "remote"

pytestmark = [both, pytest.mark.mariadb]


def there(model, field="name"):
    return sorted(model._base_manager.using(REMOTE).values_list(field, flat=True))


def import_into_both(*names: str) -> None:
    """Both sides get the same rows, and no log sees them being made: a dump, or data older than the triggers."""
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Item.objects.using(alias).bulk_create([Item(pk=9_000_000 + n, name=name) for n, name in enumerate(names)])


def nothing_is_written():
    return (
        not Reference.objects.using(REMOTE).exists()
        and not Checkpoint.objects.using(REMOTE).exclude(position="").exists()
    )


@pytest.mark.all_pairs
def test_object_older_than_the_log_is_not_created_beside_its_double():
    import_into_both("a", "b", "c")
    Item.objects.filter(name="b").update(cash=1)
    Item.objects.create(name="new")

    with pytest.raises(
        CommandError, match=r"testapp.Item \(1 to be created, 3 on 'remote'.*link.*--strangers"
    ) as error:
        call_command("synchronize")

    assert error.value.returncode == 3
    assert there(Item) == ["a", "b", "c"] and nothing_is_written()


@pytest.mark.all_pairs
def test_linked_objects_are_found_and_others_are_new():
    import_into_both("a", "b", "c")
    with synchro_paused():
        Item.objects.create(pk=999, name="ours")
    Item.objects.exclude(name="a").update(cash=1)

    call_command("synchro_link", verbosity=0)
    report = synchronize()

    assert (report.updated, report.created) == (2, 1)
    assert there(Item) == ["a", "b", "c", "ours"]


def test_object_of_which_all_was_changed_since_the_import_is_linked_by_its_key():
    import_into_both("a", "b")
    Item.objects.filter(name="a").update(name="A", cash=5)

    call_command("synchro_link", verbosity=0)
    synchronize()

    assert there(Item) == ["A", "b"]


def test_object_made_by_both_under_the_same_number_is_not_linked():
    for alias, name in (("default", "ours"), (REMOTE, "theirs")):
        Item.objects.using(alias).create(pk=900, name=name)
        Item.objects.using(alias).update(cash=5)

    call_command("synchro_link", verbosity=0)
    synchronize()

    assert there(Item) == ["ours", "theirs"]


@pytest.mark.all_pairs
def test_linked_object_stays_whatever_had_its_key_before():
    import_into_both("a")
    key = Item.objects.get().pk
    Item.objects.all().delete()
    Item.objects.create(pk=key, name="a")  # a fixture that was loaded anew
    call_command("synchro_link", verbosity=0)

    report = synchronize()

    assert report.deleted == report.created == 0
    assert Item.objects.using(REMOTE).get().pk == key and not synchronize().changed
    Item.objects.all().delete()
    assert synchronize().deleted == 1 and there(Item) == []


def test_strangers_are_all_kept():
    import_into_both("a", "b")
    Item.objects.update(cash=1)

    call_command("synchro_link", "--strangers", verbosity=0)
    report = synchronize()

    assert report.created == 2
    assert there(Item) == ["a", "a", "b", "b"]
    assert not synchronize().changed


def test_word_for_one_model_is_none_for_another():
    import_into_both("a")
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Friend.objects.using(alias).create(name="f")
    Item.objects.update(cash=1)
    Friend.objects.update(name="g")

    call_command("synchro_link", "--strangers", "--model", "testapp.Item", verbosity=0)

    with pytest.raises(Refused, match=r"testapp\.Friend") as error:
        synchronize()
    assert "testapp.Item" not in str(error.value)


def test_what_was_made_under_the_log_needs_no_word():
    import_into_both("a")
    Item.objects.create(name="new")
    Item.objects.filter(name="new").update(cash=1)

    assert synchronize().created == 1
    Item.objects.filter(name="new").update(cash=2)
    assert synchronize().updated == 1


def test_empty_remote_needs_no_word():
    with synchro_paused():
        Item.objects.create(name="old")
        Item.objects.create(name="older")
    Item.objects.filter(name="old").update(cash=1)

    assert synchronize().created == 1
    assert synchronize(full=True).created == 1
    assert there(Item) == ["old", "older"]


def test_word_that_nobody_had_to_say_does_not_hold_for_what_comes_later():
    with synchro_paused():
        Item.objects.create(name="old")
    Item.objects.update(cash=1)
    synchronize()
    import_into_both("a")

    Item.objects.filter(name="a").update(cash=1)

    with pytest.raises(Refused, match=r"testapp\.Item"):
        synchronize()
    assert there(Item) == ["a", "old"]


def test_full_run_does_not_create_what_may_be_there():
    import_into_both("a", "b")
    Item.objects.create(name="new")

    with pytest.raises(Refused, match=r"testapp.Item \(2 to be created"):
        synchronize(full=True)

    assert there(Item) == ["a", "b"]
    call_command("synchro_link", verbosity=0)
    assert synchronize(full=True).created == 1
    assert there(Item) == ["a", "b", "new"]


def test_dry_run_is_refused_too_and_stores_no_word():
    import_into_both("a")
    Item.objects.update(cash=1)

    with pytest.raises(Refused):
        synchronize(dry_run=True)
    with synchro_paused(using=REMOTE):
        Item.objects.using(REMOTE).all().delete()
    assert synchronize(dry_run=True).created == 1

    assert not Introduction.objects.using(REMOTE).exists()


@pytest.mark.parametrize("old", [Club, Unlisted])
def test_target_that_would_be_brought_along_is_not_created_either(old):
    """Whether its model is listed or not."""
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            old.objects.using(alias).create(pk=900, name="old")
    tag = Tag.objects.create(label="t")
    found = {model: model.objects.first() or model.objects.create(name="new") for model in (Club, Unlisted)}
    Membership.objects.create(club=found[Club], member=tag, extra=found[Unlisted])

    with pytest.raises(Refused, match=rf"testapp\.{old.__name__} \(1 to be created, 1 on 'remote'"):
        synchronize()

    assert there(Tag, "label") == []
    call_command("synchro_link", verbosity=0)
    synchronize()
    assert there(old) == ["old"]
    assert Membership.objects.using(REMOTE).count() == 1


def test_link_that_would_bring_its_end_along_does_not_create_it_either():
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Friend.objects.using(alias).create(pk=900, name="old")
    Friend.objects.create(name="new").follows.add(Friend.objects.get(name="old"))

    with pytest.raises(Refused, match=r"testapp\.Friend \(1 to be created, 1 on 'remote'"):
        synchronize()

    assert there(Friend) == ["old"]


def test_natural_and_kept_keys_need_no_word():
    for alias in ("default", REMOTE):
        with synchro_paused(using=alias):
            Account.objects.using(alias).create(name="a")
            Keyed.objects.using(alias).create(code="k")
    Account.objects.update(cash=1)
    Keyed.objects.update(cash=1)

    report = synchronize()

    assert (report.created, report.updated) == (0, 2)


def test_deleted_object_that_was_older_than_the_log_is_no_doubt():
    import_into_both("a", "b")
    Item.objects.filter(name="a").delete()

    synchronize()

    assert Item.objects.using(REMOTE).filter(name="b").exists()


def test_object_that_met_its_row_before_is_created_again_without_a_word():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.using(REMOTE).create(name="theirs")
    Item.objects.using(REMOTE).filter(name="a").delete()
    ChangeLog.objects.using(REMOTE).all().delete()

    Item.objects.update(cash=1)
    synchronize()

    assert there(Item) == ["a", "theirs"]


@both_committed
def test_database_that_was_flushed_and_loaded_again_does_not_double_its_objects(tmp_path):
    Item.objects.create(name="a")
    synchronize()
    file = str(tmp_path / "dump.json")
    call_command("dumpdata", "testapp.Item", output=file, verbosity=0)
    before = Node.objects.get().node_id
    call_command("flush", interactive=False, verbosity=0)
    call_command("loaddata", file, verbosity=0)
    assert Node.objects.get().node_id != before

    with pytest.raises(Refused, match=r"testapp\.Item"):
        synchronize()

    assert there(Item) == ["a"]
    call_command("synchro_link", verbosity=0)
    Item.objects.create(name="new")
    synchronize()
    assert there(Item) == ["a", "new"]


@both_committed
def test_remote_that_was_flushed_and_loaded_again_is_sent_nothing_twice(tmp_path):
    Item.objects.create(name="a")
    synchronize()
    file = str(tmp_path / "dump.json")
    call_command("dumpdata", "testapp.Item", output=file, database=REMOTE, verbosity=0)
    Item.objects.create(name="b")
    call_command("flush", database=REMOTE, interactive=False, verbosity=0)
    call_command("loaddata", file, database=REMOTE, verbosity=0)

    for options in ({"dry_run": True}, {}, {"full": True}):
        with pytest.raises(Refused, match=r"testapp\.Item \(2 to be created, 1 on 'remote'"):
            synchronize(**options)

    assert there(Item) == ["a"]
    call_command("synchro_link", verbosity=0)
    synchronize()
    Item.objects.create(name="new")
    synchronize()
    assert there(Item) == ["a", "b", "new"]


@both_committed
def test_remote_that_was_flushed_is_filled_again_without_a_word():
    Item.objects.create(name="a")
    synchronize()
    call_command("flush", database=REMOTE, interactive=False, verbosity=0)

    assert synchronize().created == 1 and there(Item) == ["a"]


@both_committed
def test_another_database_in_the_place_of_a_remote_needs_a_word_if_it_is_not_empty():
    Item.objects.create(name="a")
    synchronize()
    call_command("flush", database=REMOTE, interactive=False, verbosity=0)
    Item.objects.using(REMOTE).create(name="theirs")
    Tag.objects.create(label="of nobody else")

    with pytest.raises(Refused, match=r"testapp\.Item"):
        synchronize()
    assert there(Item) == ["theirs"] and there(Tag, "label") == []

    call_command("synchro_link", "--strangers", verbosity=0)
    synchronize()
    assert there(Item) == ["a", "theirs"] and there(Tag, "label") == ["of nobody else"]
    Item.objects.create(name="later")
    assert synchronize().created == 1


def test_reset_forgets_the_words_too():
    Item.objects.create(name="a")
    synchronize()
    call_command("synchro_reset", "--no-input", verbosity=0)

    Item.objects.update(cash=1)

    with pytest.raises(Refused, match=r"testapp\.Item"):
        synchronize()


@pytest.mark.parametrize("dry_run", [False, True])
def test_first_run_to_a_remote_tells_of_the_rows_that_it_does_not_look_at(dry_run):
    with synchro_paused():
        Item.objects.bulk_create([Item(name="old"), Item(name="older")])
        Account.objects.create(name="old")
    Item.objects.create(name="new")

    [warning] = synchronize(dry_run=dry_run).warnings

    assert "3 rows" in warning and "testapp.Item 2" in warning and "testapp.Account 1" in warning
    assert "first run to 'remote'" in warning and "--full" in warning
    assert synchronize(full=True).warnings == [] and there(Item) == ["new", "old", "older"]
    assert synchronize().warnings == []


def test_first_run_tells_nothing_of_what_was_linked_or_is_empty():
    import_into_both("a", "b")
    call_command("synchro_link", verbosity=0)

    assert synchronize().warnings == []


@pytest.mark.vendor("sqlite", "postgres")
def test_run_to_a_remote_that_was_flushed_tells_what_it_lacks():
    with synchro_paused():
        Item.objects.create(name="old")
    synchronize(full=True)
    call_command("flush", database=REMOTE, interactive=False, verbosity=0)

    [warning] = synchronize().warnings

    assert "testapp.Item 1" in warning and there(Item) == []
    synchronize(full=True)
    assert there(Item) == ["old"]


def test_rows_that_the_log_does_not_know_are_counted_with_the_way():
    with synchro_paused():
        Item.objects.create(name="old")
    Item.objects.create(name="new")
    tables = {Item._meta.db_table, Numbered._meta.db_table}

    counted, way = describe_unlogged("default", tables)

    assert counted == "default: the log does not know 1 rows that were there before: testapp.Item 1."
    assert "synchro_link" in way and "synchronize --full" in way


def test_where_no_remote_is_set_the_way_is_that_of_those_who_come(settings):
    """A hub has no remote: ``synchro_link`` would be refused there."""
    settings.SYNCHRO_REMOTE = None
    with synchro_paused():
        Item.objects.create(name="old")

    _, way = describe_unlogged("default", {Item._meta.db_table})

    assert "No remote is set here" in way and "synchro_link" in way and "synchronize --full --pull" in way


def test_run_that_was_told_asks_no_more(django_assert_max_num_queries):
    import_into_both("a", "b")
    call_command("synchro_link", verbosity=0)
    synchronize()  # the first one counts what it does not look at
    Item.objects.update(cash=1)
    asked = []

    def count(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(count), connections[REMOTE].execute_wrapper(count):
        synchronize()

    assert not [sql for sql in asked if "NOT EXISTS" in sql or "made.object_pk" in sql]
