"""django-synchro's README, claim by claim: those that no other file of the tests covers.

Keys and managers are in ``replay/test_natural_keys.py``, skipped fields in ``replay/test_skipped_fields.py``, the
story of the receivers in ``replay/test_signals.py``, times in ``replay/test_checkpoint.py`` and
``replay/test_who_is_newer.py``, settings in ``test_conf.py``, the admin view in ``test_web.py``.
"""

from __future__ import annotations

import datetime
import inspect
from io import StringIO

import pytest
from django.core.exceptions import MultipleObjectsReturned
from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.urls import resolve, reverse
from django.utils.translation import override

from synchro_triggers import (
    DisableSynchroLog,
    call_synchronize,
    disable_synchro_log,
    reset_synchro,
    synchro_paused,
    synchronize,
)
from synchro_triggers.models import ChangeLog, Reference, options
from tests.databases import both
from tests.testapp.models import Account, Ambiguous, Document, Entry, Item

LOCAL, REMOTE = "default", "remote"


def remote(model):
    return model._base_manager.using(REMOTE)


def logged(model):
    return ChangeLog.objects.filter(model_label=model._meta.label).count()


# Aim and purpose ----------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_all_objects_logged_since_the_last_checkpoint_are_synchronised():
    Item.objects.create(name="before")
    synchronize()
    remote(Item).update(name="changed there")
    Item.objects.create(name="added")

    call_command("synchronize", verbosity=0)

    assert sorted(remote(Item).values_list("name", flat=True)) == ["added", "changed there"]


@both
def test_office_that_was_imported_anew_works_offline_and_then_synchronises():
    """Example 1: the main database is imported into the office; the office works while the main server is down."""
    account = Account.objects.create(name="old customer", cash=1)
    remote(Account).create(name="old customer", cash=1)
    reset_synchro()

    Account.objects.create(name="new customer")
    Entry.objects.create(name="order", account=account)
    call_command("synchronize", verbosity=0)

    assert sorted(remote(Account).values_list("name", flat=True)) == ["new customer", "old customer"]
    assert remote(Entry).get().account_id == "old customer"


# Usage --------------------------------------------------------------------------------------------


@both
def test_command_is_all_that_is_needed():
    Item.objects.create(name="a")
    out = StringIO()

    call_command("synchronize", stdout=out)

    assert out.getvalue().startswith("Synchronization performed successfully.")
    assert remote(Item).exists()


def test_view_is_reversed_by_its_old_name():
    assert resolve(reverse("synchro:synchro")).view_name == "synchro:synchro"


@both
def test_messages_are_translated():
    said = set()
    for language in ("en", "pl", "de", "es", "fr"):
        with override(language):
            said.add(str(call_synchronize()))

    assert len(said) == 5


# What is logged -----------------------------------------------------------------------------------


@both
def test_queryset_update_is_synchronised_now():
    """The README's «QuerySet update issue» is gone: no special code is needed any more."""
    Item.objects.bulk_create([Item(name="a"), Item(name="b")])
    synchronize()

    Item.objects.update(cash=F("cash") + 5)
    synchronize()

    assert sorted(remote(Item).values_list("name", "cash")) == [("a", 5), ("b", 5)]


@both
def test_ambiguous_key_makes_the_synchronisation_fail():
    """It fails for that object: the others go on, and the command exits with 1 (the README's run failed whole)."""
    remote(Ambiguous).bulk_create([Ambiguous(name="x"), Ambiguous(name="x")])
    with pytest.raises(MultipleObjectsReturned):
        Ambiguous.objects.db_manager(REMOTE).get_by_natural_key("x")
    Ambiguous.objects.create(name="x")
    Item.objects.create(name="a")

    with pytest.raises(Exception, match="MultipleObjectsReturned"):
        call_synchronize()

    assert remote(Item).exists() and remote(Ambiguous).count() == 2


# Disabling the log for a while --------------------------------------------------------------------


@both
@pytest.mark.all_pairs
def test_block_is_not_logged():
    item = Item.objects.create(name="a")
    before = logged(Item)

    with DisableSynchroLog():
        item.name = "foo"
        item.save()

    assert logged(Item) == before and Item.objects.get().name == "foo"


@both
@pytest.mark.all_pairs
def test_decorated_function_is_not_logged_and_keeps_its_name_arguments_and_result():
    @disable_synchro_log
    def rename(item, *, name):
        """Docs."""
        item.name = name
        item.save()
        return item

    item = Item.objects.create(name="a")
    before = logged(Item)

    returned = rename(item, name="foo")

    assert returned is item and Item.objects.get().name == "foo"
    assert logged(Item) == before
    assert (rename.__name__, rename.__doc__) == ("rename", "Docs.")


@both
def test_logging_goes_on_after_the_block_also_after_an_error():
    with pytest.raises(ZeroDivisionError), transaction.atomic(), DisableSynchroLog():
        raise ZeroDivisionError

    Item.objects.create(name="a")

    assert logged(Item) == 1


def test_old_names_are_the_new_one():
    assert DisableSynchroLog is disable_synchro_log is synchro_paused


# Signals ------------------------------------------------------------------------------------------


@both
def test_receiver_that_is_decorated_after_connecting_is_not_logged():
    """``@receiver`` above, ``@disable_synchro_log`` below: the order that the README asks for."""

    @receiver(post_delete, sender=Entry)
    @disable_synchro_log
    def update_agent_balance_delete(sender, instance, using, **kwargs):
        Account.objects.using(using).filter(pk=instance.account_id).update(cash=F("cash") - 1)

    account = Account.objects.create(name="a", cash=5)
    entry = Entry.objects.create(name="e", account=account)
    synchronize()
    before = logged(Account)
    try:
        entry.delete()
        assert Account.objects.get().cash == 4 and logged(Account) == before

        synchronize()
    finally:
        post_delete.disconnect(update_agent_balance_delete, sender=Entry)

    assert remote(Account).get().cash == 4, "once by the receiver there, and not a second time by the log"


@both
def test_receiver_with_a_block_inside_is_not_logged():
    def update_agent_balance_delete(sender, instance, using, **kwargs):
        with DisableSynchroLog():
            account = Account.objects.db_manager(using).get(pk=instance.account_id)
            account.cash -= 1
            account.save(using=using)

    account = Account.objects.create(name="a", cash=5)
    entry = Entry.objects.create(name="e", account=account)
    synchronize()
    post_delete.connect(update_agent_balance_delete, sender=Entry)
    try:
        entry.delete()
        synchronize()
    finally:
        post_delete.disconnect(update_agent_balance_delete, sender=Entry)

    assert Account.objects.get().cash == 4 and remote(Account).get().cash == 4


@both
def test_receiver_that_is_decorated_before_connecting_is_logged():
    """The wrong order: the function that is connected is the undecorated one."""

    @disable_synchro_log
    @receiver(post_save, sender=Item)
    def touch(sender, using, **kwargs):
        Account.objects.using(using).update(cash=F("cash") + 1)

    wrong_one = inspect.unwrap(touch)
    Account.objects.create(name="a")
    before = logged(Account)
    try:
        Item.objects.create(name="x")
    finally:
        post_save.disconnect(wrong_one, sender=Item)

    assert logged(Account) == before + 1


@both
@pytest.mark.all_pairs
def test_receiver_that_asks_the_instance_for_its_database_works_on_both_sides():
    """``db_manager(instance._state.db)``, as the README's ``reset_specials``."""

    def reset_specials(sender, instance, *args, **kwargs):
        Account.objects.db_manager(instance._state.db).filter(cash__lt=instance.cash).update(visits=0)

    for alias in (LOCAL, REMOTE):
        with synchro_paused(using=alias):
            Account.objects.using(alias).create(name="a", cash=1, visits=9)
    post_save.connect(reset_specials, sender=Item)
    try:
        Item.objects.create(name="x", cash=5)
        assert [Account.objects.using(alias).get().visits for alias in (LOCAL, REMOTE)] == [0, 9]
        synchronize()
    finally:
        post_save.disconnect(reset_specials, sender=Item)

    assert [Account.objects.using(alias).get().visits for alias in (LOCAL, REMOTE)] == [0, 0]


@both
@pytest.mark.all_pairs
def test_plain_objects_in_a_receiver_means_local():
    seen = []

    def count_items(sender, using, **kwargs):
        seen.append((using, Item.objects.count()))

    Item.objects.create(name="x")
    post_save.connect(count_items, sender=Item)
    try:
        synchronize()
    finally:
        post_save.disconnect(count_items, sender=Item)

    assert seen == [(REMOTE, 1)]


# References ---------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("name", ['O\'Neil, "Bob" 100 % {}', "ż\n\\", " ", "1"])
def test_keys_need_not_be_numbers(name):
    Account.objects.create(name=name, cash=1)
    Entry.objects.create(name="e", account_id=name)
    synchronize()

    Account.objects.update(cash=2)
    synchronize()
    assert remote(Account).values_list("name", "cash").get() == (name, 2)
    assert remote(Entry).get().account_id == name
    Account.objects.all().delete()
    synchronize()

    assert not remote(Account).exists()


@both
def test_uuid_keys_are_kept_and_deleted():
    document = Document.objects.create(title="t")
    synchronize()
    assert remote(Document).get().pk == document.pk

    document.delete()
    synchronize()

    assert not remote(Document).exists() and not Reference.objects.using(REMOTE).exists()


# Checkpoints --------------------------------------------------------------------------------------


@both
def test_reset_deletes_the_logs_and_sets_the_checkpoint():
    Item.objects.create(name="a")

    reset_synchro()

    assert not ChangeLog.objects.exists() and options.last_check is not None
    assert call_synchronize() == "No changes since last synchronization."


@both
def test_checkpoint_is_set_by_hand_as_the_readme_does_it():
    Item.objects.create(name="a")

    options.last_check = datetime.datetime.now() + datetime.timedelta(seconds=1)

    assert call_synchronize() == "No changes since last synchronization."
    options.last_check = datetime.datetime(2013, 2, 28)
    assert call_synchronize() == "Synchronization performed successfully."


def test_function_that_the_readme_calls_removed_is_not_there():
    import synchro_triggers

    assert not hasattr(synchro_triggers, "natural_manager")
