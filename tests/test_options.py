"""``SYNCHRO_OPTIONS``: what can be said of one model, what is wrong in it, and what a run makes of it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db.models.signals import post_save

from synchro_triggers import synchronize
from synchro_triggers.capture import install
from synchro_triggers.capture.tables import natural_key_fields, skipped_names
from synchro_triggers.conf import get_settings, options_of
from synchro_triggers.models import ChangeLog
from synchro_triggers.option_references import HeldKey
from tests.databases import both
from tests.replay.hearing import later
from tests.testapp.models import (
    Account,
    Document,
    Entry,
    Item,
    Keyed,
    KeyedChild,
    Numbered,
    OwnKey,
    Place,
    Restaurant,
    Tag,
)

LOCAL, REMOTE = "default", "remote"


def remote(model):
    return model._base_manager.using(REMOTE)


@contextmanager
def written(sender):
    """Observe writes on the remote, so that objects are written one by one."""

    def hear(using, **kwargs):
        pass

    post_save.connect(hear, sender=sender)
    try:
        yield
    finally:
        post_save.disconnect(hear, sender=sender)


WAYS = pytest.mark.parametrize("way", ["bulk", "one by one", "batch signals"])


@pytest.fixture
def writing(way, settings):
    """Write objects of a model in one of the three ways."""

    @contextmanager
    def each(model):
        if way == "bulk":
            yield
            return
        options = getattr(settings, "SYNCHRO_OPTIONS", {})
        label = model._meta.label
        own = {**options.get(label, {}), "batch_signals": way == "batch signals"}
        settings.SYNCHRO_OPTIONS = {**options, label: own}
        with written(model):
            yield

    return each


@pytest.fixture
def give(settings):
    """Set the options, and let the triggers fit them until the test is rolled back."""

    def options(value):
        settings.SYNCHRO_OPTIONS = value
        install.install(LOCAL)

    return options


# Reading ------------------------------------------------------------------------------------------


def test_models_are_named_in_any_letter_case_and_with_the_apps_name_too(settings):
    settings.SYNCHRO_OPTIONS = {
        "testapp.ITEM": {"identity": "pk"},
        "django.contrib.auth.Group": {"natural_key": ["name"]},
        "tests.testapp.Account": {"skip": ["cash"]},
    }

    assert options_of(Item).keeps_key and get_settings().identity == {"testapp.Item"}
    assert natural_key_fields(Group) == ("name",)
    assert skipped_names(Account) == {"cash", "visits"}  # its own, too


def test_options_of_an_app_are_those_of_its_models_that_have_the_fields(settings):
    settings.SYNCHRO_OPTIONS = {"testapp": {"skip": ("cash",), "natural_key": ("code", "day"), "identity": "pk"}}

    assert skipped_names(Item) == {"cash"} and skipped_names(Document) == frozenset()
    assert natural_key_fields(OwnKey) == ("code", "day") and natural_key_fields(Keyed) == ("code",)
    assert get_settings().identity >= {"testapp.Item", "testapp.Document"}
    assert "auth.User" not in get_settings().identity


def test_options_of_a_model_win_over_those_of_its_app_key_by_key(settings):
    settings.SYNCHRO_OPTIONS = {
        "testapp.Item": {"skip": ["name"]},
        "testapp": {"skip": ["cash"], "identity": "pk"},
    }

    assert skipped_names(Item) == {"name"} and options_of(Item).keeps_key
    assert skipped_names(Numbered) == frozenset() and skipped_names(Keyed) == {"cash", "visits"}


def test_child_has_the_skipped_fields_and_the_natural_key_of_its_parent(settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Place": {"natural_key": ["name"]}, "testapp.Restaurant": {"skip": ["stars"]}}
    assert natural_key_fields(Restaurant) == ("name",) == natural_key_fields(Place)
    assert skipped_names(Restaurant) == {"stars"} and skipped_names(Place) == frozenset()

    settings.SYNCHRO_OPTIONS = {"testapp.Place": {"skip": ["name"]}}
    assert skipped_names(Restaurant) == {"name"}


def test_option_wins_over_the_natural_key_of_the_model(settings):
    assert natural_key_fields(Tag) == ("label",) and natural_key_fields(OwnKey) == ()

    settings.SYNCHRO_OPTIONS = {"testapp.OwnKey": {"natural_key": ("code", "day")}}

    assert natural_key_fields(OwnKey) == ("code", "day")


def keys_in_data(value, key_of):
    return value


def test_columns_that_hold_keys_are_those_of_children_too_and_of_an_apps_models_that_have_them(settings):
    settings.SYNCHRO_OPTIONS = {
        "testapp.Place": {"references": {"name": "testapp.item"}},
        "testapp.Restaurant": {"references": {"stars": Item}},
    }
    assert options_of(Restaurant).references == (HeldKey("stars", Item), HeldKey("name", Item))
    assert options_of(Place).references == (HeldKey("name", Item),)

    settings.SYNCHRO_OPTIONS = {"testapp": {"references": {"cash": f"{__name__}.keys_in_data"}}}
    assert options_of(Item).references == (HeldKey("cash", rewrite=keys_in_data),)
    assert options_of(Restaurant).references == () == options_of(OwnKey).references

    settings.SYNCHRO_OPTIONS = {"auth.Permission": {"references": {"codename": ["content_type_id"]}}}
    assert options_of(Permission).references == (HeldKey("codename", told_by="content_type"),)


REFERENCES = "SYNCHRO_OPTIONS['testapp.Item']['references'] "
WRONG_REFERENCES = [
    (["name"], "must be a dict like {'column': 'app.Model'}, not ['name']."),
    ({5: "testapp.Tag"}, "holds 5, which is no field name: write names as strings."),
    ({"nope": "testapp.Tag"}, "names 'nope': testapp.Item has no such field with a column (it has: id, name, cash)."),
    ({"id": "testapp.Tag"}, "names 'id', which is (part of) the primary key of testapp.Item: take it out."),
    ({"name": "testapp.Nope"}, "has 'testapp.Nope' for 'name': there is no such model (the app 'testapp' has: Account"),
    ({"name": "nope.Model"}, "has 'nope.Model' for 'name', which is neither a model ('app.Model') nor a callable that"),
    ({"name": "tests.databases.nope"}, "has 'tests.databases.nope' for 'name', which is neither a model"),
    ({"name": "tests.databases.__doc__"}, "has 'tests.databases.__doc__' for 'name', which is no callable: "),
    ({"name": 5}, "has 5 for 'name': write 'app.Model', ('content_type',), or the dotted path of a callable."),
    ({"name": dict}, "has <class 'dict'> for 'name', which is no model with a table: write 'app.Model'."),
    ({"name": ()}, "has () for 'name': write ('content_type',), the one field that says which model's key it holds."),
    ({"name": ("cash", "id")}, "has ('cash', 'id') for 'name': write ('content_type',), the one field"),
    ({"name": ("nope",)}, "says that 'nope' tells the model of 'name': testapp.Item has no such field with a column"),
    ({"name": ("cash",)}, "says that 'cash' tells the model of 'name', but it is neither a foreign key to ContentType"),
    ({"name": "synchro_triggers.Node"}, "has synchro_triggers.Node for 'name', which belongs to synchro_triggers"),
    ({"name": "oddapp.Point"}, "has oddapp.Point for 'name', whose primary key has several columns: one column"),
]


WRONG = [
    *(({"testapp.Item": {"references": given}}, REFERENCES + said) for given, said in WRONG_REFERENCES),
    (
        {"testapp.KeyedChild": {"references": {"parent_id": "testapp.Keyed"}}},
        "SYNCHRO_OPTIONS['testapp.KeyedChild']['references'] names 'parent_id', which is a foreign key to "
        "testapp.Keyed already, and is translated as such: take it out.",
    ),
    (
        {"oddapp.Settled": {"references": {"settings": "testapp.Item"}}},
        "SYNCHRO_OPTIONS['oddapp.Settled']['references'] says of which model 'settings' holds a key, but that is JSON: "
        "name a callable that finds the keys in it.",
    ),
    (
        {"testapp.Restaurant": {"references": {"name": "testapp.Item"}}},
        "SYNCHRO_OPTIONS['testapp.Restaurant']['references'] names 'name', a column of testapp.Place, from which "
        "testapp.Restaurant inherits: give the option to that.",
    ),
    (
        {"testapp": {"references": {"nope": "testapp.Tag"}}},
        "SYNCHRO_OPTIONS['testapp']['references'] names 'nope', which no model of this app has as a field with a "
        "column.",
    ),
    (
        {"auth.Permission": {"references": {"codename": ("content_type",)}, "skip": ("content_type",)}},
        "SYNCHRO_OPTIONS: 'content_type' tells which model's key 'codename' of auth.Permission holds (references), and "
        "is not synchronised (skip). Take it out of one of them.",
    ),
    (["testapp.Item"], "SYNCHRO_OPTIONS must be a dict like"),
    (None, "SYNCHRO_OPTIONS must be a dict like"),
    ({5: {}}, "SYNCHRO_OPTIONS: cannot read the label 5; write 'app.Model' or 'app'"),
    ({"nope": {}}, "SYNCHRO_OPTIONS: there is no installed app 'nope'"),
    ({"nope.Item": {}}, "SYNCHRO_OPTIONS: there is no installed app 'nope.Item'"),
    ({"testapp.Nope": {}}, "SYNCHRO_OPTIONS: there is no model 'Nope' in the app 'testapp' (it has: Account, "),
    ({"-testapp.Item": {}}, "SYNCHRO_OPTIONS: there is no installed app '-testapp.Item'"),
    ({"synchro_triggers.ChangeLog": {}}, "SYNCHRO_OPTIONS['synchro_triggers.ChangeLog']: synchro_triggers.ChangeLog"),
    ({"testapp.Item": ["skip"]}, "SYNCHRO_OPTIONS['testapp.Item'] must be a dict of options like {'skip'"),
    ({"testapp.Item": {}, "testapp.item": {}}, "SYNCHRO_OPTIONS names the same model twice: 'testapp.Item' and"),
    ({"testapp": {}, "tests.testapp": {}}, "SYNCHRO_OPTIONS names the same app twice: 'testapp' and 'tests.testapp'"),
    (
        {"testapp.Item": {"skipp": ["cash"]}},
        "SYNCHRO_OPTIONS['testapp.Item']: there is no option 'skipp' "
        "(there are 'batch_signals', 'conflict', 'counters', 'identity', 'merge', 'mute', 'natural_key', 'references', "
        "'skip', 'unique', 'write').",
    ),
    (
        {"testapp.Item": {"counters": "cash"}},
        "SYNCHRO_OPTIONS['testapp.Item']['counters'] must be a list or tuple of field names, not 'cash'; write (",
    ),
    ({"testapp.Item": {"counters": ("nope",)}}, "SYNCHRO_OPTIONS['testapp.Item']['counters'] names 'nope': testapp."),
    (
        {"testapp.Item": {"counters": ("name",)}},
        "SYNCHRO_OPTIONS['testapp.Item']['counters'] names 'name' of testapp.Item, which holds no whole numbers or",
    ),
    (
        {"testapp.Item": {"counters": ("id",)}},
        "SYNCHRO_OPTIONS['testapp.Item']['counters'] names 'id' of testapp.Item, which is a key, or unique",
    ),
    (
        {"testapp.Numbered": {"counters": ("number",)}},
        "SYNCHRO_OPTIONS['testapp.Numbered']['counters'] names 'number' of testapp.Numbered, which is a key, or unique",
    ),
    (
        {"testapp.Item": {"counters": ("cash",), "skip": ("cash",)}},
        "SYNCHRO_OPTIONS: differences of 'cash' of testapp.Item shall add up (counters), and it is not synchronised",
    ),
    (
        {"testapp.Item": {"merge": "columns"}},
        "SYNCHRO_OPTIONS['testapp.Item']['merge'] must be 'objects' or 'fields', not 'columns'.",
    ),
    (
        {"testapp.Item": {"conflict": "oldest"}},
        "SYNCHRO_OPTIONS['testapp.Item']['conflict'] must be one of 'newest', 'local', 'remote' or the dotted path of "
        "a callable, not 'oldest'.",
    ),
    (
        {"testapp.Item": {"conflict": "tests.nowhere.rule"}},
        "SYNCHRO_OPTIONS['testapp.Item']['conflict'] cannot import 'tests.nowhere.rule'",
    ),
    ({"testapp.Item": {5: 1}}, "SYNCHRO_OPTIONS['testapp.Item']: there is no option 5"),
    (
        {"testapp.Item": {"skip": "cash"}},
        "SYNCHRO_OPTIONS['testapp.Item']['skip'] must be a list or tuple of field names, not 'cash'; write ('field',)",
    ),
    ({"testapp.Item": {"skip": None}}, "SYNCHRO_OPTIONS['testapp.Item']['skip'] must be a list or tuple"),
    ({"testapp.Item": {"skip": [1]}}, "SYNCHRO_OPTIONS['testapp.Item']['skip'] holds 1, which is no field name"),
    (
        {"testapp.item": {"skip": ["cash", "nope"]}},
        "SYNCHRO_OPTIONS['testapp.item']['skip'] names 'nope': testapp.Item has no such field with a column "
        "(it has: id, name, cash).",
    ),
    ({"testapp.Tagged": {"skip": ["tags"]}}, "SYNCHRO_OPTIONS['testapp.Tagged']['skip'] names 'tags': testapp.Tagged"),
    ({"testapp.Item": {"skip": ["id"]}}, "SYNCHRO_OPTIONS['testapp.Item']['skip'] names 'id', which is (part of) the"),
    ({"testapp": {"skip": ["nope"]}}, "SYNCHRO_OPTIONS['testapp']['skip'] names 'nope', which no model of this app"),
    ({"testapp.Item": {"natural_key": "name"}}, "SYNCHRO_OPTIONS['testapp.Item']['natural_key'] must be a list or"),
    ({"testapp.Item": {"natural_key": {"name"}}}, "SYNCHRO_OPTIONS['testapp.Item']['natural_key'] must name its"),
    ({"testapp.Item": {"natural_key": ("name",) * 2}}, "SYNCHRO_OPTIONS['testapp.Item']['natural_key'] must name"),
    ({"testapp.Item": {"natural_key": ()}}, "SYNCHRO_OPTIONS['testapp.Item']['natural_key'] names no field: ()"),
    ({"testapp.Item": {"natural_key": ("nope",)}}, "SYNCHRO_OPTIONS['testapp.Item']['natural_key'] names 'nope'"),
    (
        {"testapp.Entry": {"natural_key": ("account__nope",)}},
        "SYNCHRO_OPTIONS['testapp.Entry']['natural_key'] names 'account__nope'",
    ),
    (
        {"testapp.Entry": {"natural_key": ("name__exact",)}},
        "SYNCHRO_OPTIONS['testapp.Entry']['natural_key'] names 'name__exact'",
    ),
    (
        {"testapp": {"natural_key": ("stars", "number")}},
        "SYNCHRO_OPTIONS['testapp']['natural_key'] is ('stars', 'number'), but no model of this app has all",
    ),
    (
        {"testapp.Item": {"natural_key": ("name",), "skip": ("name",)}},
        "SYNCHRO_OPTIONS: testapp.Item is found by 'name' (natural_key), which is not synchronised (skip)",
    ),
    ({"testapp.Item": {"identity": "name"}}, "SYNCHRO_OPTIONS['testapp.Item']['identity'] must be 'pk', not 'name'"),
    ({"testapp.Item": {"identity": True}}, "SYNCHRO_OPTIONS['testapp.Item']['identity'] must be 'pk', not True"),
    ({"testapp": {"batch_signals": 1}}, "SYNCHRO_OPTIONS['testapp']['batch_signals'] must be True or False, not 1"),
]


@pytest.mark.parametrize(("value", "said"), WRONG, ids=[str(value) for value, _ in WRONG])
def test_wrong_options_are_improperly_configured_and_a_failed_check(settings, value, said):
    settings.SYNCHRO_OPTIONS = value

    with pytest.raises(ImproperlyConfigured) as caught:
        get_settings()

    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)
    [found] = [message for message in run_checks() if message.id == "synchro_triggers.E001"]
    assert found.msg == str(caught.value) and found.is_serious()


def test_there_is_no_setting_of_the_old_name(settings):
    settings.SYNCHRO_IDENTITY = {"testapp.Nope": "pk"}

    assert get_settings().identity == frozenset()


# Skipping -----------------------------------------------------------------------------------------


@both
@WAYS
def test_field_skipped_by_option_is_the_default_on_creation_and_the_remotes_own_on_change(give, writing):
    give({"testapp.Item": {"skip": ["cash"]}})
    with writing(Item):
        Item.objects.bulk_create([Item(name="a", cash=1), Item(name="b", cash=2)])
        synchronize()
        assert set(remote(Item).values_list("name", "cash")) == {("a", 0), ("b", 0)}
        remote(Item).update(cash=9)
        later()

        Item.objects.filter(name="a").update(name="c", cash=5)
        synchronize()

    assert set(remote(Item).values_list("name", "cash")) == {("c", 9), ("b", 9)}


@both
def test_what_a_model_skips_itself_is_skipped_along_with_the_option(give):
    give({"testapp.Account": {"skip": ["cash"]}})

    Account.objects.create(name="a", cash=1, visits=2)
    synchronize()

    assert remote(Account).values_list("cash", "visits").get() == (0, 0)


@both
@pytest.mark.parametrize("options", [{"skip": ["cash"]}, {"natural_key": ["name"]}], ids=["skip", "natural key"])
def test_options_make_triggers_outdated_until_they_are_installed_again(settings, options):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": options}

    assert install.compare(LOCAL).describe() == ["testapp_item (testapp.Item): outdated"]
    with pytest.raises(CommandError) as caught:
        call_command("synchro_install_triggers", "--check")
    assert caught.value.returncode == 1
    call_command("synchro_install_triggers", verbosity=0)
    assert install.compare(LOCAL).fits


@both
def test_change_of_a_field_skipped_by_option_is_not_logged(give):
    item = Item.objects.create(name="a")
    give({"testapp.Item": {"skip": ["cash"]}})
    ChangeLog.objects.all().delete()

    Item.objects.filter(pk=item.pk).update(cash=3)
    assert not ChangeLog.objects.exists()
    Item.objects.filter(pk=item.pk).update(name="b")
    assert ChangeLog.objects.count() == 1


# Natural keys -------------------------------------------------------------------------------------


@both
@pytest.mark.all_pairs
@WAYS
def test_model_without_a_natural_key_is_found_by_the_option(give, writing):
    give({"testapp.Item": {"natural_key": ["name"]}})
    remote(Item).bulk_create([Item(pk=501, name="a", cash=1), Item(pk=502, name="b", cash=1)])

    with writing(Item):
        Item.objects.bulk_create([Item(name="b", cash=5), Item(name="c", cash=5), Item(name="a", cash=5)])
        report = synchronize()

    assert report.failures == []
    assert dict(remote(Item).filter(name__in="ab").values_list("pk", "name")) == {501: "a", 502: "b"}
    assert remote(Item).count() == 3


@both
@WAYS
def test_natural_key_with_a_foreign_key_finds_it_by_its_target_there(give, writing):
    give({"testapp.KeyedChild": {"natural_key": ("name", "parent")}})
    there = remote(Keyed).create(pk=700, code="x")
    other = remote(Keyed).create(pk=701, code="y")
    remote(KeyedChild).create(pk=800, name="n", parent=there)
    remote(KeyedChild).create(pk=801, name="n", parent=other)
    y, x = Keyed.objects.create(code="y"), Keyed.objects.create(code="x")

    with writing(KeyedChild):
        KeyedChild.objects.create(name="n", parent=y)
        KeyedChild.objects.create(name="n", parent=x)
        assert synchronize().failures == []

    assert set(remote(KeyedChild).values_list("pk", "parent")) == {(800, 700), (801, 701)}


@both
@WAYS
def test_natural_key_may_go_along_foreign_keys(give, writing):
    give({"testapp.KeyedChild": {"natural_key": ("name", "parent__code")}})
    for pk, code in ((700, "x"), (701, "y")):
        remote(KeyedChild).create(pk=pk + 100, name="n", parent=remote(Keyed).create(pk=pk, code=code))
    y, x = Keyed.objects.create(code="y"), Keyed.objects.create(code="x")

    with writing(KeyedChild):
        KeyedChild.objects.create(name="n", parent=y)
        KeyedChild.objects.create(name="n", parent=x)
        assert synchronize().failures == []

    assert set(remote(KeyedChild).values_list("pk", "parent")) == {(800, 700), (801, 701)}


@both
def test_delete_finds_the_remotes_row_by_the_values_that_the_trigger_has_kept(give):
    give({"testapp.Item": {"natural_key": ["name"]}})
    remote(Item).bulk_create([Item(pk=501, name="a"), Item(pk=502, name="b")])
    Item.objects.bulk_create([Item(name="b"), Item(name="a")])
    ChangeLog.objects.all().delete()
    later()

    Item.objects.filter(name="a").delete()
    synchronize()

    assert list(remote(Item).values_list("pk", "name")) == [(502, "b")]


@both
def test_foreign_key_to_an_unlisted_model_with_the_option_finds_the_remotes_row(settings, give):
    """Models of other people are targets more often than they are listed."""
    settings.SYNCHRO_MODELS = ("testapp.KeyedChild",)
    give({"testapp.Keyed": {"natural_key": ["cash"]}})
    remote(Keyed).create(pk=700, code="another", cash=7)

    KeyedChild.objects.create(name="n", parent=Keyed.objects.create(code="x", cash=7))
    synchronize()

    assert remote(KeyedChild).values_list("parent", flat=True).get() == 700


@both
def test_ambiguous_natural_key_is_a_failure_that_says_so(give):
    give({"testapp.Item": {"natural_key": ["name"]}})
    remote(Item).bulk_create([Item(name="a"), Item(name="a")])

    Item.objects.create(name="a")
    [failure] = synchronize().failures

    assert "MultipleObjectsReturned: the natural key ('a',)" in failure.error


@both
def test_link_tells_objects_by_the_option(settings, give, capsys):
    settings.SYNCHRO_MODELS = ("auth.User",)
    give({"auth.User": {"natural_key": ["email"]}})
    User.objects.create(username="here", email="a@example.org")
    there = remote(User).create(pk=77, username="there", email="a@example.org")

    call_command("synchro_link", "--model", "auth.User")

    assert "1 linked" in capsys.readouterr().out
    assert there.pk == 77


# Keys that are kept -------------------------------------------------------------------------------


@both
@WAYS
def test_app_keeps_its_keys_by_option(give, writing):
    give({"testapp": {"identity": "pk"}})
    with writing(Item):
        Item.objects.create(pk=4711, name="a")
        Numbered.objects.create(pk=4712, number=1)
        synchronize()

    assert (remote(Item).get().pk, remote(Numbered).get().pk) == (4711, 4712)


# What a list leaves out ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "minus",
    ["-testapp.Item", "-testapp.item", "-tests.testapp.Item", ("-testapp", "ITEM"), ["-tests.testapp", "Item"]],
    ids=str,
)
@pytest.mark.parametrize("first", [True, False])
def test_minus_sign_leaves_out_what_the_app_has_brought_in(settings, minus, first):
    settings.SYNCHRO_MODELS = (minus, "testapp") if first else ("testapp", minus)

    models = get_settings().models

    assert Item not in models and {Account, Entry} <= set(models)


@pytest.mark.parametrize("minus", ["-auth", "-django.contrib.auth", ("-auth",)])
def test_minus_sign_leaves_out_an_app(settings, minus):
    settings.SYNCHRO_MODELS = ("auth", "testapp.Item", minus)

    assert get_settings().models == (Item,)


@pytest.mark.parametrize(
    ("models", "there", "gone"),
    [
        (
            ("testapp", "-testapp.Tagged"),
            {"testapp.Tag"},
            {"testapp.Tagged", "testapp.Tagged_tags"},
        ),
        (
            ("testapp", "-testapp.Friend"),
            {"testapp.Tagged_tags"},
            {"testapp.Friend", "testapp.Friend_friends", "testapp.Friend_follows"},
        ),
        (("testapp", "-testapp.Membership"), {"testapp.Club", "testapp.Tag"}, {"testapp.Membership"}),
        (("auth", "-auth.User"), {"auth.Group_permissions"}, {"auth.User_groups", "auth.User_user_permissions"}),
        (("auth", "-auth.Group"), {"auth.User_groups"}, {"auth.Group", "auth.Group_permissions"}),
    ],
    ids=["other end", "itself", "through", "both ends", "target"],
)
def test_links_of_a_model_that_is_left_out_are_left_out(settings, models, there, gone):
    from synchro_triggers.capture.tables import captured_tables

    settings.SYNCHRO_MODELS = models

    captured = {table.label for table in captured_tables(get_settings().models)}

    assert there <= captured and not gone & captured


WRONG_MINUS = [
    (("testapp.Account", "-testapp.Item"), "SYNCHRO_MODELS: '-testapp.Item' leaves out testapp.Item, which no app's"),
    (("-testapp.Item",), "SYNCHRO_MODELS: '-testapp.Item' leaves out testapp.Item, which no app's name brings in"),
    (("-auth", "testapp"), "SYNCHRO_MODELS: '-auth' leaves out auth.Permission, which no app's name brings in"),
    (
        ("testapp", "testapp.Item", "-testapp.Item"),
        "SYNCHRO_MODELS: '-testapp.Item' leaves out testapp.Item, which 'testapp.Item' lists by itself",
    ),
    (
        ("testapp", ("testapp", "item"), ("-testapp", "Item")),
        "SYNCHRO_MODELS: ('-testapp', 'Item') leaves out testapp.Item, which ('testapp', 'item') lists by itself",
    ),
    (("testapp.Item", "-testapp.Item"), "SYNCHRO_MODELS: '-testapp.Item' leaves out testapp.Item, which 'testapp.I"),
    (
        ("testapp", "-testapp.Place"),
        "SYNCHRO_MODELS: '-testapp.Place' leaves out testapp.Place, of which each testapp.Restaurant is one",
    ),
    (("testapp", "-testapp.Nope"), "SYNCHRO_MODELS: there is no model 'Nope' in the app 'testapp'"),
    (("testapp", "-nope"), "SYNCHRO_MODELS: there is no installed app 'nope'"),
    (("testapp", "--testapp.Item"), "SYNCHRO_MODELS: there is no installed app '-testapp.Item'"),
    (("testapp", "-"), "SYNCHRO_MODELS: there is no installed app ''"),
    (("testapp", ("testapp", "-Item")), "SYNCHRO_MODELS: there is no model '-Item' in the app 'testapp'"),
]


@pytest.mark.parametrize(("value", "said"), WRONG_MINUS, ids=[str(value) for value, _ in WRONG_MINUS])
def test_leaving_out_what_is_not_brought_in_is_improperly_configured(settings, value, said):
    settings.SYNCHRO_MODELS = value

    with pytest.raises(ImproperlyConfigured) as caught:
        get_settings()

    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)
