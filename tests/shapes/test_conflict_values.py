"""Values of every kind are on record so that they can be written back: long ones, bytes, and what no text is."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, models

from synchro_triggers import conflicts, synchronize
from synchro_triggers.models import Conflict
from synchro_triggers.replay.choices import Choices
from synchro_triggers.replay.log.window import open_window
from synchro_triggers.replay.rows.value_texts import as_text, from_json, shown, to_json
from synchro_triggers.replay.rows.values import local_value, same_value
from synchro_triggers.replay.run import Run
from synchro_triggers.replay.schema.shape import shape_of
from synchro_triggers.replay.state.checkpoint import load_checkpoint
from tests.databases import both
from tests.fieldapp.models import Elephant, Specimen
from tests.replay.hearing import REMOTE, later
from tests.shapes.test_fields import ELEPHANTS, specimens
from tests.testapp.models import Item

pytestmark = both


def read_back(row):
    """Return the fields whose values are not what was put on record, or that can only be shown."""
    connection = connections["default"]
    fields = {field.name: field for field in shape_of(type(row)).copied}
    values = {name: local_value(row, field) for name, field in fields.items()}
    text = as_text(fields, values, connection)
    assert text.isascii()
    raw = json.loads(text)
    return [
        (name, raw[name])
        for name, value in values.items()
        if (isinstance(raw[name], dict) and "shown" in raw[name])
        or not same_value(fields[name], from_json(fields[name], raw[name], connection), value)
    ]


def test_every_value_of_every_field_is_read_back():
    Specimen.objects.bulk_create([Specimen(**values) for values in specimens()])

    assert {row.name: wrong for row in Specimen.objects.all() if (wrong := read_back(row))} == {}


@pytest.mark.vendor("postgres")
def test_every_value_of_postgres_own_fields_is_read_back():
    made = [(field, value) for field, values in ELEPHANTS.items() for value in values]
    Elephant.objects.bulk_create(
        [Elephant(name=f"{field} {number}", **{field: value}) for number, (field, value) in enumerate(made)]
    )

    assert {row.name: wrong for row in Elephant.objects.all() if (wrong := read_back(row))} == {}


@pytest.mark.parametrize(
    ("field", "value", "raw"),
    [
        (models.IntegerField(name="n"), 5, 5),
        (models.IntegerField(name="n"), "five", {"text": "five"}),
        (models.CharField(name="c"), 5, {"int": "5"}),
        (models.CharField(name="c"), "a\0\udcff", "a\0\udcff"),
        (models.TextField(name="t"), "x" * 2_000_000, "x" * 2_000_000),
        (models.BinaryField(name="b"), b"\xff\0", {"base64": "/wA="}),
        (models.FloatField(name="f"), float("inf"), "inf"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_a_column_holds_against_its_type_is_read_back_too(field, value, raw):
    field.set_attributes_from_name(field.name)

    assert json.loads(json.dumps(to_json(field, value))) == raw
    back = from_json(field, raw)
    assert (type(back), back) == (type(value), value)
    assert shown(raw) is not None


@pytest.mark.all_pairs
def test_objects_with_values_of_every_kind_come_back(settings, capture_only):
    settings.SYNCHRO_CONFLICT = "remote"
    for alias in ("default", REMOTE):
        capture_only(Specimen, alias=alias)
    Specimen.objects.bulk_create([Specimen(**values) for values in specimens(for_another_vendor=True)])
    Specimen.objects.create(name="long", text="é" * 100_000)
    synchronize()
    there = Specimen.objects.using(REMOTE)
    before = {row.name: row for row in there.all()}
    later()
    for row in Specimen.objects.all():
        Specimen.objects.filter(pk=row.pk).update(name=f"{row.name}'")
    there.all()._raw_delete(REMOTE)
    synchronize()
    numbers = list(Conflict.objects.using(REMOTE).values_list("pk", flat=True))
    assert len(numbers) == len(before) > 50

    for number in numbers:
        call_command("synchro_conflicts", "--take", "local", str(number), stdout=StringIO())

    fields = shape_of(Specimen).copied
    after = {row.name.removesuffix("'"): row for row in there.all()}
    wrong = [
        (name, field.name)
        for name, row in before.items()
        for field in fields
        if field.name != "name" and not same_value(field, local_value(after[name], field), local_value(row, field))
    ]
    assert wrong == []


def test_secrets_are_masked_in_what_is_shown(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    Item.objects.create(name="a", cash=1)
    synchronize()
    later()
    Item.objects.update(cash=2)
    Item.objects.using(REMOTE).update(cash=3)
    synchronize()
    record = Conflict.objects.using(REMOTE).get()
    Conflict.objects.using(REMOTE).update(local_values=json.dumps({"password": "s3cret"}), remote_values=None)

    with pytest.raises(CommandError) as nothing:
        call_command("synchro_conflicts", "--show", "0")
    assert nothing.value.returncode == 2
    out = StringIO()
    call_command("synchro_conflicts", "--show", str(record.pk), stdout=out)

    assert "password" in out.getvalue() and "s3cret" not in out.getvalue()


def test_follower_s_small_window_puts_a_conflict_on_record(settings):
    settings.SYNCHRO_CONFLICT = "remote"
    Item.objects.create(name="a", cash=1)
    run = Run(REMOTE, Choices())
    run.perform()
    later()
    Item.objects.update(cash=2)
    Item.objects.using(REMOTE).update(cash=3)
    known = load_checkpoint(REMOTE, run.source)
    window = open_window("default", known.position, without_origin=run.node, known_row=known.last_row)

    assert run.perform_at_once(known, window).conflicts == 1

    [found] = conflicts(REMOTE)
    assert (found.kind, found.result, found.is_open) == ("update/update", "remote", True)
