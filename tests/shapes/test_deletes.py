"""What is deleted here goes there, and nothing else does."""

from __future__ import annotations

import pytest
from django.db.models import ProtectedError, RestrictedError
from django.db.models.signals import post_delete

from synchro_triggers import synchro_paused, synchronize
from tests.comparing import assert_same
from tests.databases import both, both_committed
from tests.replay.hearing import later
from tests.shapeapp.models import (
    Branch,
    CascadePet,
    DatabaseNullPet,
    DatabasePet,
    DefaultPet,
    Flea,
    Kept,
    NothingPet,
    NullPet,
    Owner,
    ProtectPet,
    RestrictPet,
    SportsCar,
    Vehicle,
)
from tests.shapes.sides import REMOTE, checked_late, execute, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.mariadb]

BATCH_SIZES = pytest.mark.parametrize("batch_size", [1, 1000])


@pytest.fixture
def owner():
    return Owner.objects.create(name="owner")


@pytest.fixture
def other():
    return Owner.objects.create(name="other")


# on_delete ----------------------------------------------------------------------------------------


@BATCH_SIZES
def test_cascade_of_several_levels(owner, other, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    for number in range(6):
        pet = CascadePet.objects.create(name=f"pet {number}", owner=owner if number % 2 else other)
        Flea.objects.create(name=f"flea {number}", pet=pet)
    synchronize_and_compare()

    owner.delete()
    report = synchronize_and_compare()

    assert Flea.objects.using(REMOTE).count() == 3
    assert report.created == 0


def test_receivers_hear_each_object_of_a_cascade_go_once(owner):
    pet = CascadePet.objects.create(name="pet", owner=owner)
    Flea.objects.create(name="flea", pet=pet)
    synchronize_and_compare()
    heard = []

    def listen(sender, instance, using, **kwargs):
        if using == REMOTE:
            heard.append(instance.name)

    models = (Owner, CascadePet, Flea)
    for model in models:
        post_delete.connect(listen, sender=model)
    try:
        owner.delete()
        synchronize_and_compare()
    finally:
        for model in models:
            post_delete.disconnect(listen, sender=model)

    assert sorted(heard) == ["flea", "owner", "pet"]


@BATCH_SIZES
def test_protected_objects_go_before_their_owner(owner, other, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    ProtectPet.objects.create(name="goes", owner=owner)
    ProtectPet.objects.create(name="moves", owner=owner)
    synchronize_and_compare()
    with pytest.raises(ProtectedError):
        owner.delete()

    ProtectPet.objects.filter(name="moves").update(owner=other)
    ProtectPet.objects.filter(name="goes").delete()
    owner.delete()

    synchronize_and_compare()


@BATCH_SIZES
def test_protecting_objects_that_are_logged_after_their_owner_go_too(owner, other, settings, batch_size):
    """Foreign keys are checked at the commit: raw SQL may delete the owner first."""
    settings.SYNCHRO_BATCH_SIZE = batch_size
    ProtectPet.objects.create(name="goes", owner=owner)
    ProtectPet.objects.create(name="moves", owner=owner)
    synchronize_and_compare()

    with checked_late():
        execute("DELETE FROM shapeapp_owner WHERE id = %s", owner.pk)
        execute("DELETE FROM shapeapp_protectpet WHERE name = 'goes'")
        execute("UPDATE shapeapp_protectpet SET owner_id = %s", other.pk)

    synchronize_and_compare()


@BATCH_SIZES
def test_restricted_objects_go_with_what_they_also_belong_to(owner, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    pet = CascadePet.objects.create(name="pet", owner=owner)
    RestrictPet.objects.create(name="friend", owner=owner, friend=pet)
    alone = RestrictPet.objects.create(name="alone", owner=owner)
    synchronize_and_compare()
    with pytest.raises(RestrictedError):
        owner.delete()

    alone.delete()
    owner.delete()

    synchronize_and_compare()


def test_protected_object_that_only_the_remote_has_keeps_its_owner_there(owner):
    synchronize_and_compare()
    ProtectPet.objects.using(REMOTE).create(name="only there", owner=on_remote(Owner, name="owner"))

    owner.delete()
    report = synchronize()

    assert [(failure.model, "protect" in failure.error.lower()) for failure in report.failures] == [
        ("shapeapp.Owner", True)
    ]
    ProtectPet.objects.using(REMOTE).all().delete()
    synchronize_and_compare()


@BATCH_SIZES
def test_foreign_keys_are_set_to_null_and_to_the_default(owner, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    Owner.objects.create(name="nobody")
    NullPet.objects.create(name="null", owner=owner)
    DefaultPet.objects.create(name="default", owner=owner)
    synchronize_and_compare()

    owner.delete()
    report = synchronize_and_compare()

    assert report.created == 0
    assert on_remote(DefaultPet, name="default").owner.name == "nobody"


@BATCH_SIZES
def test_foreign_keys_that_raw_sql_takes_away_after_the_owner_went(owner, settings, batch_size):
    """A ``SET_DEFAULT`` with a function would ask LOCAL for the default, on the remote."""
    settings.SYNCHRO_BATCH_SIZE = batch_size
    nobody = Owner.objects.create(name="nobody")
    NullPet.objects.create(name="null", owner=owner)
    DefaultPet.objects.create(name="default", owner=owner)
    synchronize_and_compare()

    with checked_late():
        execute("DELETE FROM shapeapp_owner WHERE name = 'owner'")
        execute("UPDATE shapeapp_nullpet SET owner_id = NULL")
        execute("UPDATE shapeapp_defaultpet SET owner_id = %s", nobody.pk)

    synchronize_and_compare()


@both_committed  # foreign keys are checked at the commit
def test_default_that_names_no_database_is_looked_up_on_the_remote():
    owner = Owner.objects.create(name="owner")
    Owner.objects.create(name="nobody")
    synchronize_and_compare("shapeapp")
    DefaultPet.objects.using(REMOTE).create(name="only there", owner=on_remote(Owner, name="owner"))
    later()

    owner.delete()
    report = synchronize()

    assert report.failures == []
    assert on_remote(DefaultPet).owner == on_remote(Owner, name="nobody")


@both_committed  # foreign keys are checked at the commit
def test_set_default_that_fails_for_an_object_that_only_the_remote_has_harms_no_other(settings):
    """Where what is unnamed means LOCAL, the remote's cascade asks ``nobody()`` there."""
    settings.SYNCHRO_UNNAMED = "local"
    owner = Owner.objects.create(name="owner")
    Owner.objects.create(name="nobody")
    synchronize_and_compare("shapeapp")
    DefaultPet.objects.using(REMOTE).create(name="only there", owner=on_remote(Owner, name="owner"))

    key = owner.pk
    owner.delete()
    Owner.objects.create(name="new")
    report = synchronize()

    assert [(failure.model, failure.key) for failure in report.failures] == [("shapeapp.Owner", str(key))]
    assert on_remote(Owner, name="new")
    DefaultPet.objects.using(REMOTE).all().delete()
    synchronize_and_compare()


def test_nothing_is_done_where_the_model_says_so(owner, other):
    NothingPet.objects.create(name="stays", owner=owner)
    NothingPet.objects.create(name="moves", owner=owner)
    synchronize_and_compare()

    NothingPet.objects.filter(name="moves").update(owner=other)
    owner.delete()

    synchronize_and_compare()


def test_object_that_points_to_nothing_may_still_change(owner):
    NothingPet.objects.create(name="pet", owner=owner)
    owner.delete()
    NothingPet.objects.create(name="never pointed to anything", owner_id=987654)
    synchronize_and_compare()

    NothingPet.objects.filter(name="pet").update(name="renamed")
    synchronize_and_compare()


# Cascades of the database -------------------------------------------------------------------------


@BATCH_SIZES
def test_cascades_done_by_the_database_arrive(owner, other, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    for number in range(4):
        DatabasePet.objects.create(name=f"pet {number}", owner=owner if number % 2 else other)
        DatabaseNullPet.objects.create(name=f"pet {number}", owner=owner if number % 2 else other)
    synchronize_and_compare()

    owner.delete()

    assert DatabasePet.objects.count() == 2
    synchronize_and_compare()
    assert DatabaseNullPet.objects.using(REMOTE).filter(owner=None).count() == 2


@BATCH_SIZES
def test_whole_table_is_deleted_with_its_cascades(owner, other, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    for number in range(4):
        pet = CascadePet.objects.create(name=f"pet {number}", owner=owner if number % 2 else other)
        Flea.objects.create(name=f"flea {number}", pet=pet)
        DatabasePet.objects.create(name=f"pet {number}", owner=owner)
    synchronize_and_compare()

    with checked_late():
        execute("DELETE FROM shapeapp_owner")
        execute("DELETE FROM shapeapp_cascadepet")
        execute("DELETE FROM shapeapp_flea")

    report = synchronize_and_compare()
    assert report.created == 0
    assert not Owner.objects.using(REMOTE).exists()


# A cascade of the remote must not take what is still here --------------------------------------------


@BATCH_SIZES
def test_object_that_left_its_owner_after_he_went_survives_with_all_its_own(owner, other, settings, batch_size):
    """The remote's ``delete()`` cascades: what has moved in the same transaction must have moved before."""
    settings.SYNCHRO_BATCH_SIZE = batch_size
    pet = CascadePet.objects.create(name="pet", owner=owner)
    Flea.objects.create(name="flea, which is not logged again", pet=pet)
    synchronize_and_compare()
    remote_key = on_remote(CascadePet, name="pet").pk

    with checked_late():
        execute("DELETE FROM shapeapp_owner WHERE id = %s", owner.pk)
        execute("UPDATE shapeapp_cascadepet SET owner_id = %s", other.pk)

    report = synchronize_and_compare()
    assert on_remote(CascadePet, name="pet").pk == remote_key
    assert report.created == 0


@BATCH_SIZES
def test_pets_of_an_owner_whose_key_changes_survive(owner, settings, batch_size):
    """A new key is, in the log, a new object, and the old one deleted."""
    settings.SYNCHRO_BATCH_SIZE = batch_size
    pet = CascadePet.objects.create(name="pet", owner=owner)
    Flea.objects.create(name="flea", pet=pet)
    synchronize_and_compare()

    with checked_late():
        execute("UPDATE shapeapp_owner SET id = 555 WHERE id = %s", owner.pk)
        execute("UPDATE shapeapp_cascadepet SET owner_id = 555")

    synchronize_and_compare()
    assert on_remote(Flea, name="flea").pet.owner.name == "owner"


@BATCH_SIZES
def test_owner_that_is_replaced_under_the_same_key(owner, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    pet = CascadePet.objects.create(name="pet", owner=owner)
    Flea.objects.create(name="flea", pet=pet)
    synchronize_and_compare()

    with checked_late():
        execute("DELETE FROM shapeapp_owner")
        execute("INSERT INTO shapeapp_owner (id, name) VALUES (%s, 'new owner')", owner.pk)

    synchronize_and_compare()


@BATCH_SIZES
def test_pet_moves_to_an_owner_who_is_never_logged(owner, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    CascadePet.objects.create(name="pet", owner=owner)
    synchronize_and_compare()

    with synchro_paused():
        unlogged = Owner.objects.create(name="unlogged")
    with checked_late():
        execute("DELETE FROM shapeapp_owner WHERE name = 'owner'")
        execute("UPDATE shapeapp_cascadepet SET owner_id = %s", unlogged.pk)

    report = synchronize_and_compare()
    assert report.deleted == 1


# Row already gone, row brought back ---------------------------------------------------------------


def test_row_that_is_already_gone_on_the_remote_is_no_failure(owner):
    CascadePet.objects.create(name="pet", owner=owner)
    synchronize_and_compare()
    with synchro_paused(using=REMOTE):
        on_remote(Owner, name="owner").delete()

    owner.delete()
    report = synchronize()

    assert report.failures == []
    assert report.deleted == 0
    assert_same("shapeapp")


def test_changed_object_whose_remote_row_is_gone_is_made_again(owner):
    CascadePet.objects.create(name="pet", owner=owner)
    synchronize_and_compare()
    with synchro_paused(using=REMOTE):
        on_remote(CascadePet, name="pet").delete()

    CascadePet.objects.update(name="changed pet")

    report = synchronize_and_compare()
    assert report.created == 1


def test_object_that_lived_between_two_runs_leaves_no_trace():
    Owner.objects.create(name="short-lived").delete()
    with synchro_paused(using=REMOTE):
        Owner.objects.using(REMOTE).create(pk=Owner.objects.create(name="stays").pk + 1, name="the remote's own")
    Owner.objects.create(name="has that key here").delete()

    assert synchronize().failures == []

    assert set(Owner.objects.using(REMOTE).values_list("name", flat=True)) == {"stays", "the remote's own"}


@BATCH_SIZES
@pytest.mark.parametrize("runs_between", [True, False])
def test_row_comes_back_with_the_same_automatic_key(owner, settings, batch_size, runs_between):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    pet = CascadePet.objects.create(name="pet", owner=owner)
    key, owner_key = pet.pk, owner.pk
    synchronize_and_compare()

    owner.delete()
    if runs_between:
        synchronize_and_compare()
    Owner.objects.create(pk=owner_key, name="owner again")
    CascadePet.objects.create(pk=key, name="pet again", owner_id=owner_key)
    synchronize_and_compare()

    Owner.objects.all().delete()
    Owner.objects.create(pk=owner_key, name="a third time")
    Owner.objects.filter(pk=owner_key).delete()
    synchronize_and_compare()


@pytest.mark.parametrize("runs_between", [True, False])
def test_row_comes_back_with_the_same_key_of_its_own(runs_between):
    Kept.objects.create(code="k, 'ö'", name="kept", size=1)
    synchronize_and_compare()

    Kept.objects.all().delete()
    if runs_between:
        synchronize_and_compare()
    Kept.objects.create(code="k, 'ö'", name="kept", size=2)
    synchronize_and_compare()

    Kept.objects.update(code="other key")
    synchronize_and_compare()
    assert [kept.code for kept in Kept.objects.using(REMOTE)] == ["other key"]


# Chains -------------------------------------------------------------------------------------------


def test_keep_parents_and_a_delete_of_the_parent_in_one_window():
    first, second = (SportsCar.objects.create(name=name) for name in ("first", "second"))
    synchronize_and_compare()

    first.delete(keep_parents=True)
    Vehicle.objects.get(name="first").delete()
    SportsCar.objects.filter(name="second").update(speed=1)
    second.delete(keep_parents=True)

    synchronize_and_compare()


@BATCH_SIZES
def test_subtree_is_deleted_by_raw_sql_parents_first(settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    root = Branch.objects.create(name="root")
    for number in range(3):
        child = Branch.objects.create(name=f"child {number}", parent=root)
        Branch.objects.create(name=f"grandchild {number}", parent=child)
    Branch.objects.create(name="elsewhere")
    synchronize_and_compare()

    with checked_late():
        execute("DELETE FROM shapeapp_branch WHERE name = 'root'")
        execute("DELETE FROM shapeapp_branch WHERE name LIKE 'child%%'")
        execute("UPDATE shapeapp_branch SET parent_id = NULL WHERE name = 'grandchild 1'")
        execute("DELETE FROM shapeapp_branch WHERE name IN ('grandchild 0', 'grandchild 2')")

    synchronize_and_compare()
    assert set(Branch.objects.using(REMOTE).values_list("name", flat=True)) == {"elsewhere", "grandchild 1"}


@BATCH_SIZES
def test_key_that_a_delete_empties_leads_again_to_what_has_the_target_s_key_now(owner, other, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    pet = NullPet.objects.create(name="pet", owner=owner)
    synchronize_and_compare()
    NullPet.objects.using(REMOTE).update(name="Pet")  # by the remote's own users, who keep it

    with checked_late():  # the pet stays as it is, and nobody logs it
        execute("DELETE FROM shapeapp_owner WHERE id = %s", owner.pk)
        Owner.objects.create(pk=owner.pk, name="new owner")
    report = synchronize()

    assert report.failures == []
    there = on_remote(NullPet, name="Pet")
    assert there.owner is not None and there.owner.name == "new owner"
    pet.refresh_from_db()
    assert pet.owner.name == "new owner"


@BATCH_SIZES
def test_key_that_a_delete_empties_on_both_sides_stays_empty(owner, settings, batch_size):
    settings.SYNCHRO_BATCH_SIZE = batch_size
    NullPet.objects.create(name="pet", owner=owner)
    synchronize_and_compare()

    owner.delete()
    synchronize_and_compare()

    assert on_remote(NullPet).owner is None
