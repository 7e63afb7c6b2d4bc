"""Which object is which: keys that are kept or given out anew, and the references that say so."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Node, Reference
from tests.databases import both
from tests.replay.hearing import LOCAL, REMOTE, later
from tests.testapp.models import (
    Account,
    Document,
    Item,
)

pytestmark = [both, pytest.mark.mariadb]


def remote(model):
    return model._base_manager.using(REMOTE)


def execute(sql, alias=LOCAL):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.all_pairs
def test_automatic_key_that_is_taken_on_the_remote_overwrites_nothing():
    item = Item.objects.create(name="local")
    remote(Item).create(pk=item.pk, name="remote")
    _set_sequence_behind(Item)

    synchronize()

    assert sorted(remote(Item).values_list("name", flat=True)) == ["local", "remote"]
    assert remote(Item).get(name="remote").pk == item.pk


def _set_sequence_behind(model):
    """Let the remote's sequence know of a row that was inserted with its key."""
    from django.core.management.color import no_style

    for sql in connections[REMOTE].ops.sequence_reset_sql(no_style(), [model]):
        execute(sql, REMOTE)


def test_explicit_key_that_is_there_on_the_remote_is_written_over():
    remote(Account).create(name="James", cash=77)
    later()
    Account.objects.create(name="James", cash=7)

    report = synchronize()

    assert remote(Account).get().cash == 7
    assert (report.created, report.updated) == (0, 1)


def test_key_that_the_program_gives_out_is_kept():
    document = Document.objects.create(title="t")

    synchronize()

    assert remote(Document).get().pk == document.pk


def test_model_with_the_option_identity_keeps_its_automatic_key(settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"identity": "pk"}}
    Item.objects.create(pk=4711, name="a")

    synchronize()

    assert remote(Item).get().pk == 4711


def test_object_once_synchronised_is_known_by_its_reference():
    local = Item.objects.create(name="local")
    other = remote(Item).create(pk=local.pk, name="other")
    _set_sequence_behind(Item)
    synchronize()

    local.cash = 42
    local.save()
    synchronize()

    assert remote(Item).get(name="local").cash == 42
    assert remote(Item).get(pk=other.pk).cash == 0
    assert remote(Item).count() == 2


def test_references_are_stored_in_the_remote_database():
    item = Item.objects.create(name="a")

    synchronize()

    reference = Reference.objects.using(REMOTE).get()
    assert (reference.model_label, reference.local_pk) == ("testapp.Item", str(item.pk))
    assert reference.remote_pk == str(remote(Item).get().pk)
    assert reference.source == Node.objects.get().node_id
    assert not Reference.objects.exists()


def test_reference_whose_remote_row_is_gone_is_dropped_and_the_object_made_again():
    item = Item.objects.create(name="a")
    synchronize()
    remote(Item).all().delete()
    ChangeLog.objects.using(REMOTE).all().delete()

    item.cash = 1
    item.save()
    synchronize()
    item.cash = 2
    item.save()
    synchronize()

    assert remote(Item).get().cash == 2
    assert Reference.objects.using(REMOTE).get().remote_pk == str(remote(Item).get().pk)


def test_object_deleted_and_made_again_with_its_automatic_key_is_another_one():
    item = Item.objects.create(name="old")
    synchronize()
    item.delete()
    synchronize()

    Item.objects.create(pk=item.pk, name="new")
    synchronize()

    assert remote(Item).get().name == "new"
