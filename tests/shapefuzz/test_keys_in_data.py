"""Keys in what is serialised: the callables of the option ``references``."""

from __future__ import annotations

import json
import re

import pytest

from synchro_triggers import compare, synchro_paused, synchronize
from tests.pages import page
from tests.shapefuzz.test_found import both_vendors, marked


def keys_in_text(value, key_of):
    """Translate the keys in a text like ``{"a": "1"}``, which are texts."""
    found = json.loads(value)
    return json.dumps({name: key_of("shapefuzz.A", key) for name, key in found.items()})


def key_in_data(value, key_of):
    return {name: key_of("shapefuzz.A", key) for name, key in value.items()}


@pytest.fixture
def opened(project, local):
    """Opens a project of an ``A``, and a ``B`` with data; the remote has three others."""

    def open_it(called, field="models.JSONField(null=True)", a=()):
        target, model = project(
            local,
            ("A", "models.Model", marked("a"), *a),
            ("B", "models.Model", marked("b"), f"data = {field}"),
            SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"data": called}}},
        )
        for number in range(3):
            target.objects.using("remote").create(mark_a=f"R{number}")
        return target, model

    return open_it


def there(model, **lookups):
    return model._base_manager.using("remote").get(**lookups)


@both_vendors
def test_callable_is_named_by_its_path_and_reads_texts(opened, heard, local):
    target, model = opened("tests.shapefuzz.test_keys_in_data.keys_in_text", "models.TextField()")
    first = target.objects.create(mark_a="o1")
    model.objects.create(data=json.dumps({"one": str(first.pk), "nothing": "900"}))

    assert synchronize().failures == []

    assert json.loads(there(model).data) == {"one": str(there(target, mark_a="o1").pk), "nothing": "-900"}
    assert not synchronize().changed


@both_vendors
def test_callable_is_called_once_while_planning_and_once_when_writing(opened, heard, local):
    answers = []

    def called(value, key_of):
        answers.append(key_of("shapefuzz.a", value["key"]))
        return {"key": answers[-1]}

    target, model = opened(called)
    first = target.objects.create(mark_a="o1")
    model.objects.create(data={"key": first.pk})

    assert synchronize().failures == []

    remote_key = there(target, mark_a="o1").pk
    assert answers == [first.pk, remote_key] and there(model).data == {"key": remote_key}


@both_vendors
def test_callable_is_not_asked_about_null_and_what_it_leaves_alone_keeps_its_text(opened, heard, local):
    def called(value, key_of):
        assert value is not None
        value["seen"] = key_of("shapefuzz.A", None)
        del value["seen"]
        return value

    _, model = opened(called)
    model.objects.create(mark_b="null", data=None)
    model.objects.create(mark_b="number", data={"pi": 3.25, "z": [1], "a": None})

    assert synchronize().failures == []

    assert there(model, mark_b="null").data is None
    assert there(model, mark_b="number").data == {"pi": 3.25, "z": [1], "a": None}
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("moment", ["planning", "writing"])
def test_object_whose_callable_raises_is_kept_and_the_failure_names_callable_model_and_key(
    opened, heard, local, moment
):
    calls = []

    def called(value, key_of):
        calls.append(value)
        if value.get("bad") and (moment == "planning" or len(calls) > 1):
            raise KeyError("no such part")
        return value

    _, model = opened(called)
    bad = model.objects.create(mark_b="bad", data={"bad": True})
    report = synchronize()
    calls.clear()
    model.objects.create(mark_b="good", data={"good": True})
    later = synchronize()

    [failure] = report.failures
    assert (failure.model, failure.key) == ("shapefuzz.B", str(bad.pk))
    for part in (
        "tests.shapefuzz.test_keys_in_data.test_object_whose_callable_raises",
        f"data of shapefuzz.B {bad.pk}",
        "KeyError: 'no such part'",
    ):
        assert part in failure.error
    assert there(model, mark_b="good").data == {"good": True}
    assert len(later.failures) == 1


@both_vendors
def test_callable_is_given_the_object_too_if_it_takes_it(opened, heard, local):
    def called(value, key_of, instance):
        return {**value, "of": instance.mark_b}

    _, model = opened(called)
    model.objects.create(mark_b="one", data={"key": 1})

    assert synchronize().failures == []
    assert there(model, mark_b="one").data == {"key": 1, "of": "one"}


@both_vendors
def test_what_waits_for_an_object_inside_of_its_data_ends_with_its_failure(opened, heard, local):
    def called(value, key_of):
        return {"key": key_of("shapefuzz.A", value["key"])}

    target, model = opened(called, a=("u = models.IntegerField(unique=True, null=True)",))
    target.objects.using("remote").filter(mark_a="R0").update(u=1)
    model.objects.create(mark_b="waits", data={"key": target.objects.create(mark_a="o1", u=1).pk})

    failed, waiting = synchronize().failures

    assert failed.model == "shapefuzz.A" and "waits for shapefuzz.A" in waiting.error
    assert not model.objects.using("remote").exists()


@both_vendors
def test_what_keeps_a_ring_open_is_said_and_not_that_it_is_open(project, heard, local):
    target, model = project(
        local,
        (
            "A",
            "models.Model",
            marked("a"),
            "u = models.IntegerField(unique=True)",
            "latest = models.ForeignKey('shapefuzz.B', models.SET_NULL, null=True)",
        ),
        ("B", "models.Model", marked("b"), "data = models.JSONField(null=True)"),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"data": key_in_data}}},
    )
    target.objects.using("remote").create(mark_a="R0", u=1)
    one, version = target.objects.create(mark_a="o1", u=1), model.objects.create(mark_b="v1", data={})
    target.objects.update(latest=version)
    model.objects.update(data={"key": one.pk})

    failures = {failure.model: failure.error for failure in synchronize().failures}

    assert "unique" in failures["shapefuzz.A"].lower() and "cycle" not in failures["shapefuzz.A"]
    assert "unique" in failures["shapefuzz.B"].lower() and "cycle" not in failures["shapefuzz.B"]


@both_vendors
def test_callable_that_hides_what_it_was_told_does_not_hide_it_from_the_run(opened, heard, local):
    def called(value, key_of):
        try:
            return {"key": key_of("shapefuzz.Nothing", value["key"])}
        except LookupError:
            return value

    _, model = opened(called)
    model.objects.create(data={"key": 1})

    [failure] = synchronize().failures
    assert "shapefuzz" in failure.error and "LookupError" in failure.error
    assert not model.objects.using("remote").exists()


@both_vendors
def test_callable_is_asked_again_when_its_row_changes_and_not_before(opened, heard, local):
    def called(value, key_of):
        return {"key": key_of("shapefuzz.A", value["key"])}

    target, model = opened(called)
    first = target.objects.create(mark_a="o1")
    key = first.pk
    model.objects.create(data={"key": key})
    synchronize()
    before = there(target, mark_a="o1").pk

    first.delete()
    target.objects.create(pk=key, mark_a="o2")
    assert synchronize().failures == []
    assert there(model).data == {"key": before}

    model.objects.update(mark_b="changed")
    assert synchronize().failures == []
    assert there(model).data == {"key": there(target, mark_a="o2").pk}


@both_vendors
def test_callable_of_the_page_does_what_it_says(opened, heard, local):
    text = page("docs/reference/options.md")
    [code] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def keys_in(" in block]
    names = {}
    exec(code.replace("shop.Customer", "shapefuzz.A").replace("shop.Order", "shapefuzz.A"), names)
    target, model = opened(names["keys_in"])
    keys = [target.objects.create(mark_a=name).pk for name in ("o1", "o2")]
    model.objects.create(data={"customer": keys[0], "orders": [*keys, 900], "total": "1.50"})

    assert synchronize().failures == []

    one, other = (there(target, mark_a=name).pk for name in ("o1", "o2"))
    assert there(model).data == {"customer": one, "orders": [one, other, -900], "total": "1.50"}


@both_vendors
@pytest.mark.parametrize("text", [False, True])
def test_keys_that_lead_nowhere_on_both_sides_are_compared_as_that(opened, local, text):
    if text:
        target, model = opened("tests.shapefuzz.test_keys_in_data.keys_in_text", "models.TextField()")
    else:
        target, model = opened("tests.shapefuzz.test_keys_in_data.key_in_data")
    first, second = target.objects.create(mark_a="o1"), target.objects.create(mark_a="o2")

    def written(**keys):
        return json.dumps({name: str(key) for name, key in keys.items()}) if text else keys

    model.objects.create(data=written(one=first.pk, nothing=900))
    assert synchronize().failures == []

    known, other = (there(target, mark_a=each.mark_a).pk for each in (first, second))
    assert compare(models=["shapefuzz.B"]).equal
    for keys in ({"one": other, "nothing": -900}, {"one": known, "nothing": other}, {"one": -900, "nothing": known}):
        with synchro_paused(using="remote"):
            model.objects.using("remote").update(data=written(**keys))
        assert [[field.field for field in each.fields] for each in compare(models=["shapefuzz.B"]).differences] == [
            ["data"]
        ]
