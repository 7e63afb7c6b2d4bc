"""Copies and restored databases are noticed and refused, with the way out."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Node, Reference
from tests.databases import both
from tests.testapp.models import Item, Tag

pytestmark = both

REMOTE = "remote"


def pretend_copied() -> None:
    """What a copied database looks like: it carries the identity of the other place."""
    Node.objects.update(fingerprint="somewhere else")


def put_back_to(rows: int) -> None:
    """Take LOCAL back to an older state: the changelog, and the ids that were given out."""
    keep = list(ChangeLog.objects.order_by("id").values_list("id", flat=True)[:rows])
    ChangeLog.objects.exclude(pk__in=keep).delete()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('synchro_changelog', 'id'), %s)", [max(keep, default=1)]
            )
        else:
            cursor.execute(
                "UPDATE sqlite_sequence SET seq = %s WHERE name = 'synchro_changelog'", [max(keep, default=0)]
            )


def test_copy_is_refused_with_the_way_out():
    Item.objects.create(name="a")
    synchronize()
    pretend_copied()
    Item.objects.create(name="b")

    with pytest.raises(CommandError, match=r"is a copy.*--new-identity.*--keep-identity"):
        call_command("synchronize")

    assert Item.objects.using(REMOTE).count() == 1


def test_copy_cannot_be_reset_without_saying_what_it_is():
    Item.objects.create(name="a")
    synchronize()
    pretend_copied()

    with pytest.raises(CommandError, match="is a copy"):
        call_command("synchro_reset")

    assert Reference.objects.using(REMOTE).exists()


def test_copy_with_a_new_identity_leaves_the_references_of_the_original_alone():
    Tag.objects.create(label="a")
    synchronize()
    pretend_copied()

    call_command("synchro_reset", "--new-identity", verbosity=0)
    call_command("synchro_link", verbosity=0)
    Tag.objects.filter(label="a").update(label="c")
    report = synchronize()

    assert report.updated == 1 and report.created == 0
    assert Reference.objects.using(REMOTE).values("source").distinct().count() == 2


def test_restored_original_may_keep_its_identity():
    Tag.objects.create(label="a")
    synchronize()
    pretend_copied()
    node = Node.objects.get().node_id

    call_command("synchro_reset", "--keep-identity", verbosity=0)
    call_command("synchro_link", verbosity=0)
    Tag.objects.filter(label="a").update(label="c")

    assert synchronize().updated == 1
    assert Node.objects.get().node_id == node


def test_older_backup_put_back_is_refused():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    synchronize()
    put_back_to(rows=1)

    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")


def test_older_backup_is_noticed_after_new_changes_reuse_its_ids():
    Item.objects.create(name="a")
    synchronize()
    Item.objects.create(name="b")
    synchronize()
    put_back_to(rows=1)
    for number in range(5):
        Tag.objects.create(label=str(number))

    with pytest.raises(CommandError, match="put back to an older state"):
        call_command("synchronize")


def test_pruned_changelog_is_no_older_backup():
    Item.objects.create(name="a")
    synchronize()
    ChangeLog.objects.all().delete()
    Item.objects.create(name="b")

    assert synchronize().created == 1


def test_local_and_remote_with_one_identity_are_refused():
    node = Node.objects.using(REMOTE).first()
    synchronize()
    node = Node.objects.using(REMOTE).get()
    Node.objects.update(node_id=node.node_id)

    with pytest.raises(CommandError, match="copy of the other"):
        call_command("synchronize")


def test_link_stores_references_for_equal_objects_only():
    Item.objects.using(REMOTE).create(pk=1, name="same")
    Item.objects.using(REMOTE).create(pk=2, name="theirs")
    Item.objects.bulk_create([Item(pk=1, name="same"), Item(pk=2, name="ours")])
    call_command("synchro_reset", verbosity=0)

    call_command("synchro_link", verbosity=0)
    Item.objects.update(cash=1)
    report = synchronize()

    assert report.updated == 1 and report.created == 1
    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("ours", 1), ("same", 1), ("theirs", 0)]
