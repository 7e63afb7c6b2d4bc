"""A key in a column, such as a generic key, that leads to what was deleted elsewhere: the rule is asked."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType

from synchro_triggers.models import Conflict
from tests.nodes.nodes import NAMES
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.shapeapp.models import Note, Owner, Sticker


def point(nodes, model):
    owner = nodes.rows("a", Owner).get()
    kind = ContentType.objects.db_manager("a").get_for_model(Owner)
    nodes.rows("a", model).create(name="new", content_type_id=kind.pk, object_id=owner.pk)
    later()


def delete(nodes):
    nodes.rows("b", Owner).get().delete()
    later()


def records():
    return {(each.model_label, each.kind, each.result) for name in NAMES for each in Conflict.objects.using(name)}


@pytest.mark.thinned("*")
@pytest.mark.parametrize("model", [Note, Sticker], ids=["NULL", "not NULL"])
@pytest.mark.parametrize("last", [True, False], ids=["the key is newer", "the delete is newer"])
@pytest.mark.parametrize("rule", ["newest", "local", "remote"])
def test_what_a_column_leads_to_comes_back_by_the_rule_alone(nodes, settings, rule, last, model):
    settings.SYNCHRO_CONFLICT = rule
    nodes.rows("a", Owner).create(name="gone")
    nodes.rounds(PAIR)
    later()
    for step in (delete, point) if last else (point, delete):
        step(nodes, *([model] if step is point else []))

    report = nodes.run("a", "b")

    back = rule == "local" or (rule == "newest" and last)
    assert [each.model for each in report.remarks] == ["shapeapp.Owner"]
    assert nodes.rows("b", Owner).exists() is back
    over_owner = ("shapeapp.Owner", "child/delete", "local" if back else "remote")
    if back:
        assert records() == {over_owner}
        key = nodes.rows("b", Owner).get().pk
        assert nodes.rows("b", model).get().object_id in {key, str(key)}
    elif model is Note:
        assert records() == {over_owner, ("shapeapp.Note", "update/update", "remote")}
        assert nodes.rows("b", Note).get().object_id is None
    else:
        assert records() == {over_owner, ("shapeapp.Sticker", "update/update", "remote")}
        assert not nodes.rows("b", Owner).filter(pk=nodes.rows("b", Sticker).get().object_id).exists()
    nodes.rounds(PAIR)
    for name in "ab":
        assert nodes.rows(name, Owner).exists() is back
        assert nodes.rows(name, model).exists()
    nodes.assert_at_rest(PAIR)
