"""A conflict is on record where it was decided: both versions, the rule, the result, with the result itself."""

from __future__ import annotations

import json
import sys

import pytest
from django.db import connections

from synchro_triggers import Decision, synchronize
from synchro_triggers.models import ChangeLog, Conflict, Node
from synchro_triggers.replay.report import Told
from tests.databases import both
from tests.replay.hearing import REMOTE, later, receiving
from tests.replay.routes import batches, route  # noqa: F401  (fixtures)
from tests.testapp.models import Account, Item, Keyed, Place, Restaurant, Tag, Tagged

pytestmark = [both, pytest.mark.all_pairs]

NEWEST = [("newest", "local"), ("newest", "remote"), ("local", "local"), ("remote", "remote")]


def remote(model):
    return model._base_manager.using(REMOTE)


def records():
    return Conflict.objects.using(REMOTE)


def values(text):
    return None if text is None else json.loads(text)


def change(model, cash, alias="default"):
    later()
    model._base_manager.using(alias).update(cash=cash)
    later()


def both_change(first="local"):
    for side in ("local", "remote") if first == "local" else ("remote", "local"):
        change(Item, 42, "default") if side == "local" else change(Item, 77, REMOTE)


@pytest.fixture
def item():
    made = Item.objects.create(name="a", cash=1)
    synchronize()
    return made


@pytest.mark.usefixtures("route", "batches")
@pytest.mark.thinned("route", "batches")
@pytest.mark.parametrize(("policy", "winner"), NEWEST)
def test_both_versions_the_rule_and_the_result_are_on_record(item, settings, policy, winner):
    settings.SYNCHRO_CONFLICT = policy
    both_change(first="remote" if winner == "local" else "local")

    synchronize()

    found = records().get()
    here, there = Node.objects.get().node_id, Node.objects.using(REMOTE).get().node_id
    assert (found.source, found.model_label, found.kind) == (here, "testapp.Item", "update/update")
    assert (found.local_key, found.remote_key) == (str(item.pk), str(remote(Item).get().pk))
    assert values(found.local_values)["cash"] == 42 and values(found.remote_values)["cash"] == 77
    assert values(found.local_values)["name"] == "a" and found.merged_values is None
    assert (found.local_author, found.remote_author) == (here, there)
    assert found.local_at is not None and found.remote_at is not None
    assert (found.local_at > found.remote_at) is ((policy == "newest" and winner == "local") or policy == "local")
    assert (found.rule, found.result, found.taken) == (policy, winner, "")
    assert not Conflict.objects.exists()


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("policy", ["local", "remote"])
def test_deletes_are_on_record_without_a_version(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    change(Item, 42)
    remote(Item).all().delete()
    synchronize()

    found = records().get()
    assert (found.kind, found.result) == ("update/delete", policy)
    assert values(found.local_values)["cash"] == 42 and found.remote_values is None
    if policy == "local":
        assert found.remote_key == str(remote(Item).get().pk)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("policy", ["local", "remote"])
def test_object_deleted_here_and_changed_there(item, settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    item.delete()
    change(Item, 77, REMOTE)

    synchronize()

    found = records().get()
    assert (found.kind, found.result) == ("delete/update", policy)
    assert found.local_values is None and values(found.remote_values)["cash"] == 77
    assert remote(Item).exists() is (policy == "remote")


def test_objects_that_both_sides_have_made(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    Keyed.objects.create(code="x", cash=1)
    remote(Keyed).create(code="x", cash=2)

    synchronize()

    found = records().get()
    assert (found.kind, found.result) == ("create/create", "remote")
    assert values(found.local_values) == {"code": "x", "cash": 1} | {
        name: value for name, value in values(found.local_values).items() if name not in {"code", "cash"}
    }
    assert values(found.remote_values)["cash"] == 2


@pytest.mark.usefixtures("route", "batches")
@pytest.mark.thinned("route", "batches")
@pytest.mark.parametrize("policy", ["local", "remote"])
def test_links_are_on_record_with_their_ends_once(settings, policy):
    settings.SYNCHRO_CONFLICT = policy
    made = Tagged.objects.create(title="t")
    made.tags.add(tag := Tag.objects.create(label="a"))
    synchronize()
    later()
    made.tags.remove(tag)
    made.tags.add(tag)
    there = Tagged.objects.using(REMOTE).get()
    there.tags.remove(*there.tags.using(REMOTE))
    later()

    synchronize()

    found = records().get()
    assert (found.kind, found.result, found.model_label) == ("links", policy, "testapp.Tagged_tags")
    ends = {"tagged": there.pk, "tag": Tag.objects.using(REMOTE).get().pk}
    assert values(found.local_values) == ends and found.remote_values is None


def test_row_of_a_parent_to_which_a_child_comes_is_on_record(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    Restaurant.objects.create(name="a", stars=1)
    synchronize()
    later()
    Restaurant.objects.update(stars=2)
    remote(Place).update(name="theirs")

    synchronize()

    found = records().get()
    assert values(found.local_values)["stars"] == 2 and values(found.remote_values)["name"] == "theirs"


def test_same_change_on_both_sides_is_not_on_record(item):
    change(Item, 42)
    change(Item, 42, REMOTE)

    synchronize()

    assert not records().exists()


@pytest.mark.parametrize("options", [{"dry_run": True}], ids=["dry run"])
def test_dry_run_puts_nothing_on_record(item, options):
    both_change()

    assert synchronize(**options).conflicts == 1

    assert not records().exists()


@pytest.mark.usefixtures("route")
def test_what_is_told_once_is_on_record_once(item):
    both_change()
    synchronize()

    synchronize()
    synchronize(full=True)
    synchronize(full=True)

    assert records().count() == 1


@pytest.mark.usefixtures("batches")
def test_what_is_rolled_back_leaves_none_and_what_is_tried_again_leaves_one(item):
    """A batch that fails as a whole is tried in halves; the object that fails is not decided."""
    Account.objects.create(name="a")
    synchronize()
    both_change(first="remote")

    def refuse(using, **told):
        if using == REMOTE:
            raise ValueError("not this one")

    with receiving("pre_save", Item, refuse):
        assert len(synchronize().failures) == 1
    assert not records().exists()
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("UPDATE synchro_triggers_failure SET next_at = NULL")

    synchronize()

    assert records().count() == 1


# Rules that see both versions ----------------------------------------------------------------------

seen: list[tuple] = []


def look(conflict):
    seen.append((conflict.local, conflict.remote, conflict.local_changed, conflict.remote_changed))
    return Decision.REMOTE


def sum_up(conflict):
    return Decision.merged({"cash": conflict.local["cash"] + conflict.remote["cash"]})


def merge_what_is_left(conflict):
    there = conflict.remote or conflict.local
    return Decision.merged({"cash": there["cash"] + 1})


def take_all_of_local(conflict):
    return Decision.merged(dict(conflict.local))


def take_nothing_of_local(conflict):
    return Decision.merged(dict(conflict.remote))


def merge_a_typo(conflict):
    return Decision.merged({"chash": 1})


def fail(conflict):
    raise KeyError("price")


def leave(conflict):
    sys.exit("no rule for this")


def merge_no_value(conflict):
    return Decision.merged({"cash": "much"})


def merge_an_object(conflict):
    return Decision.merged({"cash": object()})


@pytest.mark.usefixtures("route")
def test_rule_sees_values_and_changed_fields(item, settings):
    settings.SYNCHRO_CONFLICT = f"{__name__}.look"
    seen.clear()
    both_change()

    synchronize()

    [(here, there, changed_here, changed_there)] = seen
    assert (here["cash"], here["name"], there["cash"]) == (42, "a", 77)
    assert changed_here == changed_there == {"cash"}
    assert records().get().rule == f"{__name__}.look"


def test_rule_sees_that_an_object_is_gone(item, settings):
    settings.SYNCHRO_CONFLICT = f"{__name__}.look"
    seen.clear()
    change(Item, 42)
    remote(Item).all().delete()

    synchronize()

    [(here, there, *_)] = seen
    assert here["cash"] == 42 and there is None


@pytest.mark.usefixtures("route", "batches")
@pytest.mark.thinned("route", "batches")
def test_merged_values_are_written_as_a_change_of_the_remote_s_own(item, settings):
    settings.SYNCHRO_CONFLICT = f"{__name__}.sum_up"
    both_change()

    report = synchronize()

    assert remote(Item).values_list("name", "cash").get() == ("a", 119)
    assert (report.updated, report.conflicts) == (1, 0)
    assert [told.kind for told in report.remarks] == [Told.MERGED]
    last = ChangeLog.objects.using(REMOTE).filter(model_label="testapp.Item").order_by("-id").first()
    assert last.origin == ""
    found = records().get()
    assert (found.result, values(found.merged_values)["cash"]) == ("merged", 119)
    assert synchronize().changed is False


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("gone", ["here", "there"])
def test_what_is_gone_on_one_side_may_be_merged_too(item, settings, gone):
    settings.SYNCHRO_CONFLICT = f"{__name__}.merge_what_is_left"
    if gone == "here":
        item.delete()
        change(Item, 77, REMOTE)
    else:
        change(Item, 77)
        remote(Item).all().delete()

    synchronize()

    assert remote(Item).get().cash == 78
    assert records().get().result == "merged"


@pytest.mark.parametrize(
    ("rule", "result", "cash"), [("take_all_of_local", "local", 42), ("take_nothing_of_local", "remote", 77)]
)
def test_merged_values_that_one_side_has_already_are_its_version(item, settings, rule, result, cash):
    settings.SYNCHRO_CONFLICT = f"{__name__}.{rule}"
    both_change()

    synchronize()

    assert records().get().result == result and remote(Item).get().cash == cash


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("merge_a_typo", "SYNCHRO_CONFLICT: the callable merged 'chash' for testapp.Item"),
        ("fail", "KeyError: 'price' (raised by tests.replay.test_conflict_records.fail, the rule of SYNCHRO_CONFLICT"),
        ("leave", "no rule for this (raised by tests.replay.test_conflict_records.leave, the rule of SYNCHRO_CONFLICT"),
        ("merge_no_value", "SYNCHRO_CONFLICT: the callable merged 'much' as cash for testapp.Item"),
        ("merge_an_object", "SYNCHRO_CONFLICT: the callable merged <object object at"),
    ],
)
@pytest.mark.usefixtures("route")
def test_rule_that_fails_is_named_with_model_and_key_and_the_object_is_kept(item, settings, rule, said):
    settings.SYNCHRO_CONFLICT = f"{__name__}.{rule}"
    both_change()

    [failure] = synchronize().failures

    assert said in failure.error and "testapp.Item" in failure.error and str(item.pk) in failure.error
    assert remote(Item).get().cash == 77 and not records().exists()


def test_link_that_a_rule_would_merge_is_kept(settings):
    settings.SYNCHRO_CONFLICT = lambda conflict: Decision.merged({"tag": 1})
    made = Tagged.objects.create(title="t")
    made.tags.add(tag := Tag.objects.create(label="a"))
    synchronize()
    later()
    made.tags.remove(tag)
    made.tags.add(tag)
    there = Tagged.objects.using(REMOTE).get()
    there.tags.remove(*there.tags.using(REMOTE))

    [failure, *_] = synchronize().failures

    assert "a link, which has none that could be" in failure.error


# One model's own rule ------------------------------------------------------------------------------


def test_option_of_a_model_comes_before_the_setting(item, settings):
    settings.SYNCHRO_CONFLICT = "local"
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"conflict": "remote"}}
    Account.objects.create(name="b", cash=1)
    synchronize()
    both_change()
    change(Account, 42)
    change(Account, 77, REMOTE)

    synchronize()

    assert remote(Item).get().cash == 77 and remote(Account).get().cash == 42
    assert {(each.model_label, each.rule) for each in records()} == {
        ("testapp.Item", "remote"),
        ("testapp.Account", "local"),
    }


def test_links_go_by_the_rule_of_the_model_that_has_the_field(settings):
    settings.SYNCHRO_CONFLICT = "local"
    settings.SYNCHRO_OPTIONS = {"testapp.Tagged": {"conflict": "remote"}}
    made = Tagged.objects.create(title="t")
    made.tags.add(tag := Tag.objects.create(label="a"))
    synchronize()
    later()
    made.tags.remove(tag)
    made.tags.add(tag)
    there = Tagged.objects.using(REMOTE).get()
    there.tags.remove(*there.tags.using(REMOTE))

    synchronize()

    assert not there.tags.using(REMOTE).exists()


def test_rule_of_an_option_that_fails_is_named(item, settings):
    settings.SYNCHRO_OPTIONS = {"testapp.Item": {"conflict": f"{__name__}.fail"}}
    both_change()

    [failure] = synchronize().failures

    assert "the rule of SYNCHRO_OPTIONS['testapp.Item']['conflict'], for testapp.Item" in failure.error
