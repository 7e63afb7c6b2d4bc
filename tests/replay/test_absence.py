"""What is not there was not therefore deleted: only the log's last word deletes; the rest is told."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers import counterparts, synchro_paused, synchronize
from synchro_triggers.models import Failure
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.log.window import open_window
from synchro_triggers.replay.report import Told
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from tests.comparing import assert_same
from tests.databases import both
from tests.replay.hearing import later, receiving
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.shapeapp.models import Article, CascadePet, Flea, Note, NullPet, Owner, ProtectPet, Shelf, Sticker
from tests.shapes.sides import LOCAL, REMOTE, checked_late, execute, on_remote
from tests.testapp.models import Account, Item, Keyed, KeyedChild, Numbered, Place, Restaurant, Tag, Tagged

pytestmark = [both, pytest.mark.usefixtures("route", "batches"), pytest.mark.thinned("route", "batches")]


def there(model, field="name"):
    return sorted(model._base_manager.using(REMOTE).values_list(field, flat=True))


def told(report, kind=Told.VANISHED):
    return sorted((remark.model, remark.key) for remark in report.remarks if remark.kind == kind)


# Vanished -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logged", ["updated", "created"])
@pytest.mark.parametrize("full", [False, True])
def test_object_that_is_deleted_while_paused_is_left_alone_and_told_once(logged, full):
    item = Item.objects.create(name="a")
    if logged == "updated":
        synchronize()
        Item.objects.update(cash=7)
    key = str(item.pk)
    with synchro_paused():
        item.delete()

    dry = synchronize(dry_run=True, full=full)
    report = synchronize(full=full)

    assert told(dry) == told(report) == [("testapp.Item", key)]
    assert report.failures == [] and not report.changed
    assert there(Item) == (["a"] if logged == "updated" else [])
    again = synchronize(full=full)
    assert again.remarks == [] and again.failures == []


def test_rows_that_are_deleted_with_triggers_off_are_left_alone_by_their_keys():
    account = Account.objects.create(name="kept")
    keyed = Keyed.objects.create(code="natural")
    synchronize()
    Account.objects.update(cash=1)
    Keyed.objects.update(cash=1)
    expected = [("testapp.Account", "kept"), ("testapp.Keyed", str(keyed.pk))]
    with synchro_paused():
        account.delete()
        keyed.delete()

    report = synchronize()

    assert told(report) == expected
    assert there(Account) == ["kept"] and there(Keyed, "code") == ["natural"]


def test_inherited_object_vanishes_whole_or_in_part():
    whole, part = (Restaurant.objects.create(name=name, stars=1) for name in ("whole", "part"))
    synchronize()
    Restaurant.objects.update(stars=2)
    Place.objects.filter(name="part").update(name="renamed")
    keys = whole.pk, part.pk
    with synchro_paused():
        whole.delete()
        part.delete(keep_parents=True)

    report = synchronize()

    assert told(report) == sorted(("testapp.Restaurant", str(key)) for key in keys)
    assert there(Restaurant) == ["renamed", "whole"] and report.failures == []


def test_link_that_vanishes_is_left_alone():
    tags = [Tag.objects.create(label=label) for label in "ab"]
    tagged = Tagged.objects.create(title="t")
    tagged.tags.set(tags)
    synchronize()
    through = Tagged.tags.through
    link = through.objects.get(tag=tags[0])
    new = Tag.objects.create(label="c")
    execute(f"UPDATE {through._meta.db_table} SET tag_id = %s WHERE id = %s", new.pk, link.pk)
    tagged.tags.remove(tags[1])
    with synchro_paused():
        through.objects.all().delete()

    report = synchronize()

    assert told(report) == [("testapp.Tagged_tags", str(link.pk))]
    assert on_remote(Tagged).tags.count() == 0  # it was moved from the one, and taken from the other: the log says so


def test_failure_whose_object_vanishes_is_told_and_forgotten():
    Numbered.objects.using(REMOTE).create(number=1, name="theirs")
    mine = Numbered.objects.create(number=1, name="mine")
    moved = Numbered.objects.create(number=2, name="moved")
    synchronize()
    Numbered.objects.using(REMOTE).create(number=3, name="theirs too")
    Numbered.objects.filter(pk=moved.pk).update(number=3)
    assert len(synchronize().failures) == 2
    keys = sorted(("testapp.Numbered", str(each.pk)) for each in (mine, moved))
    with synchro_paused():
        Numbered.objects.all().delete()

    report = synchronize()

    assert told(report) == keys
    assert report.failures == [] and not Failure.objects.using(REMOTE).exists()
    assert there(Numbered) == ["moved", "theirs", "theirs too"]
    assert synchronize().remarks == []


def test_failure_whose_object_is_deleted_in_order_is_deleted():
    moved = Numbered.objects.create(number=2, name="moved")
    synchronize()
    Numbered.objects.using(REMOTE).create(number=3, name="theirs")
    moved.number = 3
    moved.save()
    assert len(synchronize().failures) == 1
    moved.delete()

    report = synchronize()

    assert (report.remarks, report.failures, report.deleted) == ([], [], 1)
    assert there(Numbered) == ["theirs"]


def test_failure_whose_delete_fails_too_stays_kept():
    moved = ProtectPet.objects.create(name="moved", owner=Owner.objects.create(name="owner"))
    synchronize()
    theirs = ProtectPet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner))

    def refuse(using, instance, **told):
        if using == REMOTE:
            raise ValueError("no")

    with receiving("pre_save", Owner, refuse):
        Owner.objects.update(name="renamed")
        assert len(synchronize().failures) == 1
    moved.delete()
    Owner.objects.all().delete()
    report = synchronize()
    assert [failure.model for failure in report.failures] == ["shapeapp.Owner"] and report.remarks == []
    theirs.delete()
    synchronize()

    assert there(Owner) == [] and not Failure.objects.using(REMOTE).exists()


@pytest.mark.parametrize("page_rows", [1, 2, 3])
def test_delete_that_is_logged_on_a_later_page_is_found(page_rows, monkeypatch):
    monkeypatch.setattr("synchro_triggers.replay.backlog.PAGE_ROWS", page_rows)
    items = [Item.objects.create(name=name) for name in "abc"]
    keyed = Keyed.objects.create(code="x")
    synchronize()
    Keyed.objects.using(REMOTE).create(code="y", cash=3)  # a namesake of what LOCAL makes and deletes
    Item.objects.update(cash=1)
    Keyed.objects.update(cash=1)
    short = Keyed.objects.create(code="y")
    for each in (*items[:2], keyed, short):
        each.delete()

    report = synchronize()

    assert report.remarks == [] and report.failures == [] and report.deleted == 3
    assert there(Item) == ["c"] and there(Keyed, "code") == ["y"]


def test_run_in_one_transaction_tells_too():
    synchronize()
    item = Item.objects.create(name="a")
    key = str(item.pk)
    with synchro_paused():
        item.delete()
    run = Run(REMOTE, Choices())
    checkpoint = load_checkpoint(REMOTE, run.source)
    window = open_window(LOCAL, checkpoint.position, without_origin=run.node, known_row=checkpoint.last_row)

    report = run.perform_at_once(checkpoint, window) or run.perform()

    assert told(report) == [("testapp.Item", key)]


# Deleted along --------------------------------------------------------------------------------------------


def test_what_a_cascade_takes_along_is_counted_and_named_on_every_level():
    owner = Owner.objects.create(name="owner")
    ours = CascadePet.objects.create(name="ours", owner=owner)
    Flea.objects.create(name="ours", pet=ours)
    synchronize()
    there_owner = on_remote(Owner)
    pet = CascadePet.objects.using(REMOTE).create(name="theirs", owner=there_owner)
    fleas = [
        Flea.objects.using(REMOTE).create(name="on theirs", pet=pet),
        Flea.objects.using(REMOTE).create(name="on ours", pet=on_remote(CascadePet, name="ours")),
    ]
    expected = sorted([("shapeapp.CascadePet", str(pet.pk)), *(("shapeapp.Flea", str(flea.pk)) for flea in fleas)])
    later()

    owner.delete()
    dry = synchronize(dry_run=True)
    report = synchronize()

    assert set(expected) <= set(told(report, Told.DELETED_ALONG))
    assert (report.deleted, dry.deleted) == (6, 6)
    assert {name: counts.deleted for name, counts in report.models.items()} == {
        "shapeapp.Owner": 1,
        "shapeapp.CascadePet": 2,
        "shapeapp.Flea": 3,
    }
    assert there(Flea) == there(CascadePet) == []


def test_what_points_generically_is_counted_and_named():
    article = Article.objects.create(name="a")
    shelf = Shelf.objects.create(name="s", code="s")
    synchronize()
    content = {model: ContentType.objects.db_manager(REMOTE).get_for_model(model) for model in (Article, Shelf)}
    note = Note.objects.using(REMOTE).create(name="n", content_type=content[Article], object_id=on_remote(Article).pk)
    sticker = Sticker.objects.using(REMOTE).create(name="t", content_type=content[Shelf], object_id="s")
    expected = [("shapeapp.Note", str(note.pk)), ("shapeapp.Sticker", str(sticker.pk))]
    later()

    article.delete()
    shelf.delete()
    dry = synchronize(dry_run=True)
    report = synchronize()

    assert told(report, Told.DELETED_ALONG) == told(dry, Told.DELETED_ALONG) == expected
    assert (report.deleted, dry.deleted) == (4, 4)


def test_dry_run_of_a_deletion_that_is_protected_there_fails_as_the_real_one():
    owner = Owner.objects.create(name="owner")
    synchronize()
    ProtectPet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner))
    owner.delete()

    for report in (synchronize(dry_run=True), synchronize()):
        assert [failure.model for failure in report.failures] == ["shapeapp.Owner"] and report.deleted == 0
    assert there(Owner) == ["owner"]


# What LOCAL still has -------------------------------------------------------------------------------------


def pulled(row, **values):
    """Bring what the remote has to LOCAL, and give a row's counterpart other values, of which LOCAL logs nothing."""
    synchronize(pull=True)
    there_to_here = {there: here for here, there in counterparts(type(row), local_keys(type(row))).items()}
    here = type(row)._base_manager.get(pk=there_to_here[row.pk])
    with synchro_paused():
        for name, value in values.items():
            setattr(here, name, value)
        here.save()
    return here


def local_keys(model):
    return model._base_manager.values_list("pk", flat=True)


def test_what_was_made_on_the_remote_and_lives_here_is_not_taken_along():
    """It has left the owner here, and that is not logged: only its own reference, read backwards, tells who it is."""
    owner, other = (Owner.objects.create(name=name) for name in ("owner", "other"))
    synchronize()
    theirs = CascadePet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner, name="owner"))
    flea = Flea.objects.using(REMOTE).create(name="on theirs", pet=theirs)
    here = pulled(theirs, name="theirs", owner=other)
    pulled(flea, name="on theirs", pet=here)

    owner.delete()
    report = synchronize()

    assert report.failures == [] and report.remarks == []
    assert_same("shapeapp")
    assert on_remote(CascadePet).pk == theirs.pk and on_remote(Flea).pk == flea.pk


def test_what_hangs_on_it_through_others_is_spared_too():
    """The pet lives on the remote alone and goes; the flea on it lives here, on another pet."""
    owner, other = (Owner.objects.create(name=name) for name in ("owner", "other"))
    pet = CascadePet.objects.create(name="pet", owner=other)
    synchronize()
    theirs = CascadePet.objects.using(REMOTE).create(name="theirs", owner=on_remote(Owner, name="owner"))
    flea = Flea.objects.using(REMOTE).create(name="flea", pet=theirs)
    pulled(flea, name="flea", pet=pet)
    gone = CascadePet.objects.get(name="theirs")
    key = str(gone.pk)
    with synchro_paused():
        gone.delete()

    owner.delete()
    report = synchronize()

    assert report.failures == []
    assert told(report, Told.DELETED_ALONG) == [("shapeapp.CascadePet", key)]
    assert_same("shapeapp")
    assert on_remote(Flea).pk == flea.pk


def test_what_points_generically_and_came_from_there_is_spared():
    article, other = (Article.objects.create(name=name) for name in ("a", "b"))
    synchronize()
    content = ContentType.objects.db_manager(REMOTE).get_for_model(Article)
    note = Note.objects.using(REMOTE).create(name="n", content_type=content, object_id=on_remote(Article, name="a").pk)
    here = ContentType.objects.get_for_model(Article)
    pulled(note, name="n", content_type=here, object_id=other.pk)

    article.delete()
    report = synchronize()

    assert report.failures == [] and report.remarks == []
    assert on_remote(Note).pk == note.pk and on_remote(Note).object_id == on_remote(Article).pk


def test_owner_that_was_made_there_and_is_deleted_here_takes_nothing_living_along():
    theirs = Owner.objects.using(REMOTE).create(name="theirs")
    guard = ProtectPet.objects.using(REMOTE).create(name="guard", owner=theirs)
    empty = NullPet.objects.using(REMOTE).create(name="null", owner=theirs)
    other = Owner.objects.create(name="other")
    owner = pulled(theirs, name="theirs")
    pulled(guard, name="guard", owner=other)
    pulled(empty, name="null", owner=other)

    owner.delete()
    report = synchronize()

    assert report.failures == []
    assert there(Owner) == ["other"] and on_remote(ProtectPet).owner.name == "other"


def test_object_without_a_number_here_that_lives_by_its_natural_key_is_spared():
    parents = [Keyed.objects.create(code=code) for code in "ab"]
    child = KeyedChild.objects.create(name="child", parent=parents[0])
    synchronize()

    with checked_late():
        execute("DELETE FROM testapp_keyed WHERE code = 'a'")
        execute("UPDATE testapp_keyedchild SET parent_id = %s", parents[1].pk)
    assert synchronize().failures == []

    assert on_remote(KeyedChild).parent.code == "b" and child.name == "child"
