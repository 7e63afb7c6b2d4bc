"""Keys in columns that are no foreign keys, of which the option ``references`` tells."""

from __future__ import annotations

import uuid

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from synchro_triggers import compare, synchro_paused, synchronize
from synchro_triggers.replay.compare.closer_look import CloserLook
from synchro_triggers.replay.report import Told
from tests.counting import captured
from tests.replay.hearing import later, receiving
from tests.shapefuzz.test_found import both_vendors, marked


def keys_in_data(data, key_of):
    """Translate what the tests' JSON and texts hold: a key under ``a``, and a list of them under ``all``."""
    data["a"] = key_of("shapefuzz.A", data["a"])
    data["all"] = [key_of("shapefuzz.A", key) for key in data.get("all", ())]
    return data


class Pointer:
    """A way to hold the key of an ``A`` in a ``B``."""

    def __init__(self, lines, option, values=lambda key: {"to_a": key}, key=lambda row: int(row.to_a)):
        self.lines, self.option, self.values, self.key = lines, option, values, key


def _typed(key):
    return {"to_a": str(key), "kind": ContentType.objects.get_for_model(apps.get_model("shapefuzz.A"))}


TEXT = "to_a = models.CharField(max_length=60, null=True)"
POINTERS = {
    "a number": Pointer(["to_a = models.IntegerField(null=True)"], {"to_a": "shapefuzz.A"}),
    "a text": Pointer([TEXT], {"to_a": "shapefuzz.A"}, lambda key: {"to_a": str(key)}),
    "a generic key": Pointer(
        [TEXT, "kind = models.ForeignKey(ContentType, models.CASCADE)"], {"to_a": ("kind",)}, _typed
    ),
    "with a label": Pointer(
        [TEXT, "kind = models.CharField(max_length=60)"],
        {"to_a": ("kind",)},
        lambda key: {"to_a": str(key), "kind": "shapefuzz.a"},
    ),
    "in JSON": Pointer(
        ["to_a = models.JSONField()"],
        {"to_a": keys_in_data},
        lambda key: {"to_a": {"a": key, "all": [key]}},
        lambda row: row.to_a["a"],
    ),
}


@pytest.fixture(params=POINTERS)
def pointer(request):
    return POINTERS[request.param]


#: No database finds the rows in which a callable finds keys: see ``test_keys_in_data``.
columns_alone = pytest.mark.parametrize("pointer", [name for name in POINTERS if name != "in JSON"], indirect=True)


@pytest.fixture
def pair(project, local, pointer):
    """Opens a project of an ``A``, and a ``B`` that holds its key; the remote has five others."""

    def open_it(*more, a=(), b=(), **settings):
        options = settings.pop("SYNCHRO_OPTIONS", {})
        own = {**options.get("shapefuzz.B", {}), "references": pointer.option}
        models = project(
            local,
            ("A", "models.Model", marked("a"), *a),
            ("B", "models.Model", marked("b"), *pointer.lines, *b),
            *more,
            SYNCHRO_OPTIONS={**options, "shapefuzz.B": own},
            **settings,
        )
        for number in range(5):
            models[0].objects.using("remote").create(mark_a=f"R{number}")
        return models

    return open_it


def _there_values(pointer, key):
    values = pointer.values(key)
    if isinstance(values.get("kind"), ContentType):
        values["kind_id"] = ContentType.objects.db_manager("remote").get_for_model(apps.get_model("shapefuzz.A")).pk
        del values["kind"]
    return values


def there(model, **lookups):
    return model._base_manager.using("remote").get(**lookups)


def told(report):
    return [remark.model for remark in report.remarks if remark.kind == Told.POINTS_NOWHERE]


@both_vendors
def test_key_is_that_of_the_same_object(pair, pointer, heard, local):
    target, model = pair()
    for name in ("o1", "o2"):
        model.objects.create(mark_b=name, **pointer.values(target.objects.create(mark_a=name).pk))

    report = synchronize()

    assert report.failures == []
    for name in ("o1", "o2"):
        assert pointer.key(there(model, mark_b=name)) == there(target, mark_a=name).pk
    assert not synchronize().changed

    key = target.objects.get(mark_a="o2").pk
    for name, value in pointer.values(key).items():
        model.objects.filter(mark_b="o1").update(**{name: value})
    assert (synchronize().failures, pointer.key(there(model, mark_b="o1"))) == ([], there(target, mark_a="o2").pk)
    assert not synchronize(full=True).changed


@both_vendors
def test_target_is_brought_along_where_only_what_points_to_it_is_captured(pair, pointer, heard, local):
    target, model = pair(SYNCHRO_MODELS=["shapefuzz.B"])
    model.objects.create(mark_b="o1", **pointer.values(target.objects.create(mark_a="o1").pk))
    call_command("synchro_link", "--strangers", verbosity=0)

    report = synchronize()

    assert report.failures == []
    assert pointer.key(there(model, mark_b="o1")) == there(target, mark_a="o1").pk


@both_vendors
def test_key_of_nothing_is_nobodys_on_the_remote(pair, pointer, heard, local):
    target, model = pair()
    model.objects.create(mark_b="o1", **pointer.values(3))
    model.objects.create(mark_b="o2", **pointer.values(900))

    report = synchronize()

    assert (report.failures, told(report)) == ([], ["shapefuzz.B"] * 2)
    keys = {pointer.key(row) for row in model.objects.using("remote").all()}
    assert not target.objects.using("remote").filter(pk__in=keys).exists() and keys == {-3, -900}
    assert not synchronize().changed


@both_vendors
def test_what_leads_to_an_object_that_cannot_come_waits_for_it(pair, pointer, heard, local):
    target, model = pair()
    first = target.objects.create(mark_a="o1")
    model.objects.create(mark_b="o1", **pointer.values(first.pk))

    def refuse(instance, using, **told):
        if using == "remote":
            raise ValueError("not today")

    with receiving("pre_save", target, refuse):
        report = synchronize()
    assert sorted(failure.model for failure in report.failures) == ["shapefuzz.A", "shapefuzz.B"]
    assert not model.objects.using("remote").exists()

    report = synchronize()
    assert report.failures == []
    assert pointer.key(there(model, mark_b="o1")) == there(target, mark_a="o1").pk


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_ring_is_closed(pair, pointer, heard, local, size):
    to_b = "to_b = models.ForeignKey('B', models.SET_NULL, null=True, related_name='+')"
    target, model = pair(a=[to_b], SYNCHRO_BATCH_SIZE=size)
    for name in ("o1", "o2"):
        first = target.objects.create(mark_a=name)
        first.to_b = model.objects.create(mark_b=name, **pointer.values(first.pk))
        first.save()

    report = synchronize()

    assert report.failures == []
    for name in ("o1", "o2"):
        assert there(target, mark_a=name).to_b.mark_b == name
        assert pointer.key(there(model, mark_b=name)) == there(target, mark_a=name).pk
    assert not synchronize().changed


@both_vendors
def test_ring_of_columns_is_closed(project, heard, local):
    first, second = project(
        local,
        ("A", "models.Model", marked("a"), "to_b = models.IntegerField(null=True)"),
        (
            "B",
            "models.Model",
            marked("b"),
            "to_a = models.IntegerField(null=True)",
            "to_b = models.TextField(null=True)",
        ),
        SYNCHRO_OPTIONS={
            "shapefuzz.A": {"references": {"to_b": "shapefuzz.B"}},
            "shapefuzz.B": {"references": {"to_a": "shapefuzz.A", "to_b": "shapefuzz.B"}},
        },
    )
    for number in range(3):
        first.objects.using("remote").create(mark_a=f"R{number}")
    one = first.objects.create(mark_a="o1")
    other = second.objects.create(mark_b="o1", to_a=one.pk)
    first.objects.update(to_b=other.pk)
    second.objects.update(to_b=str(other.pk))

    report = synchronize()

    assert report.failures == []
    one, other = there(first, mark_a="o1"), there(second, mark_b="o1")
    assert (one.to_b, other.to_a, other.to_b) == (other.pk, one.pk, str(other.pk))
    assert not synchronize().changed


@both_vendors
def test_column_stays_as_it_is_where_its_target_is_deleted(pair, pointer, heard, local):
    target, model = pair()
    first = target.objects.create(mark_a="o1")
    model.objects.create(mark_b="o1", **pointer.values(first.pk))
    synchronize()
    before = pointer.key(there(model, mark_b="o1"))

    first.delete()
    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert pointer.key(there(model, mark_b="o1")) == before
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_written_of_an_object_while_it_is_deleted_has_the_same_key_as_before(pair, pointer, heard, local, size):
    target, model = pair(SYNCHRO_BATCH_SIZE=size)
    first = target.objects.create(mark_a="o1")
    key = first.pk
    model.objects.create(mark_b="o1", **pointer.values(key))
    synchronize()
    before = pointer.key(there(model, mark_b="o1"))

    first.delete()
    model.objects.create(mark_b="o2", **pointer.values(key))
    report = synchronize()

    assert (report.failures, report.deleted, report.created) == ([], 1, 1)
    assert pointer.key(there(model, mark_b="o2")) == before


@both_vendors
@columns_alone
def test_number_that_was_given_out_again_leads_to_who_has_it_now(pair, pointer, heard, local):
    target, model = pair()
    first = target.objects.create(mark_a="o1")
    key = first.pk
    model.objects.create(mark_b="o1", **pointer.values(key))
    synchronize()
    before = there(target, mark_a="o1").pk

    first.delete()
    target.objects.create(pk=key, mark_a="o2")
    report = synchronize()

    assert report.failures == []
    assert there(target, mark_a="o2").pk != before
    assert pointer.key(there(model, mark_b="o1")) == there(target, mark_a="o2").pk
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("spelling", [str, lambda key: key.hex])
def test_uuid_is_read_in_either_spelling(project, heard, local, spelling):
    target, model = project(
        local,
        ("A", "NaturalKeyModel", "id = models.UUIDField(primary_key=True)", marked("a"), "_natural_key = ('mark_a',)"),
        ("B", "models.Model", marked("b"), TEXT),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"to_a": "shapefuzz.A"}}},
    )
    here, theirs = uuid.UUID(int=1), uuid.UUID(int=2)
    target._base_manager.using("remote").create(pk=theirs, mark_a="same")
    target._base_manager.create(pk=here, mark_a="same")
    model.objects.create(mark_b="o1", to_a=spelling(here))

    report = synchronize()

    assert report.failures == []
    assert there(model, mark_b="o1").to_a == str(theirs)
    assert not synchronize().changed


@both_vendors
@pytest.mark.parametrize("written", ["007", " 7", "x"])
def test_key_that_is_the_same_on_both_sides_is_copied_as_it_is_written(project, heard, local, written):
    target, model = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), TEXT),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"to_a": "shapefuzz.A"}}, "shapefuzz.A": {"identity": "pk"}},
    )
    target.objects.create(pk=7, mark_a="o1")
    model.objects.create(mark_b="o1", to_a=written)

    assert synchronize().failures == []
    assert there(model, mark_b="o1").to_a == written


@both_vendors
def test_column_is_part_of_a_natural_key(project, heard, local):
    target, model = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "to_a = models.IntegerField(null=True)"),
        SYNCHRO_OPTIONS={
            "shapefuzz.B": {"references": {"to_a": "shapefuzz.A"}, "natural_key": ("to_a",)},
            "shapefuzz.A": {"natural_key": ("mark_a",)},
        },
    )
    for number, name in enumerate(("R0", "o1", "o2")):
        row = target.objects.using("remote").create(mark_a=name)
        if number:
            model.objects.using("remote").create(mark_b=f"theirs of {name}", to_a=row.pk)
    later()
    for name in ("o1", "o2"):
        model.objects.create(mark_b=f"ours of {name}", to_a=target.objects.create(mark_a=name).pk)

    report = synchronize()

    assert (report.failures, report.created) == ([], 0)
    rows = model.objects.using("remote").all()
    assert {(row.mark_b, there(target, pk=row.to_a).mark_a) for row in rows} == {
        ("ours of o1", "o1"),
        ("ours of o2", "o2"),
    }
    model.objects.filter(mark_b="ours of o1").delete()
    report = synchronize()
    assert (report.failures, report.deleted) == ([], 1)
    assert there(model).mark_b == "ours of o2"


@both_vendors
def test_unique_columns_change_places(project, heard, local):
    target, model = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "to_a = models.IntegerField(unique=True)"),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"to_a": "shapefuzz.A"}}},
    )
    target.objects.using("remote").create(mark_a="R0")
    for name in ("o1", "o2"):
        model.objects.create(mark_b=name, to_a=target.objects.create(mark_a=name).pk)
    synchronize()

    first, second = model.objects.order_by("mark_b")
    model.objects.filter(pk=first.pk).update(to_a=-1)
    model.objects.filter(pk=second.pk).update(to_a=first.to_a)
    model.objects.filter(pk=first.pk).update(to_a=second.to_a)
    report = synchronize()

    assert report.failures == []
    assert there(model, mark_b="o1").to_a == there(target, mark_a="o2").pk
    assert there(model, mark_b="o2").to_a == there(target, mark_a="o1").pk


@both_vendors
def test_equal_keys_are_no_conflict(pair, pointer, heard, local):
    target, model = pair(SYNCHRO_CONFLICT="local")
    firsts = [target.objects.create(mark_a=name) for name in ("o1", "o2")]
    model.objects.create(mark_b="o1", **pointer.values(firsts[0].pk))
    synchronize()

    row = there(model, mark_b="o1")
    other = there(target, mark_a="o2").pk
    row.to_a = pointer.values(other)["to_a"]
    row.save(using="remote")
    later()
    model.objects.update(to_a=pointer.values(firsts[1].pk)["to_a"])
    report = synchronize()

    assert (report.failures, report.conflicts) == ([], 0)
    assert pointer.key(there(model, mark_b="o1")) == other


@both_vendors
def test_copies_are_linked_by_what_their_keys_lead_to(pair, pointer, heard, local):
    target, model = pair(SYNCHRO_OPTIONS={"shapefuzz.A": {"natural_key": ("mark_a",)}})
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            for number, name in enumerate(("o1", "o2")):
                row = target.objects.using(alias).create(mark_a=name)
                values = pointer.values(row.pk) if alias == "default" else _there_values(pointer, row.pk)
                model.objects.using(alias).create(pk=number + 1, mark_b=name, **values)
    call_command("synchro_link", verbosity=0)

    model.objects.filter(mark_b="o1").update(mark_b="o3")
    report = synchronize()

    assert (report.failures, report.created, report.updated) == ([], 0, 1)
    assert pointer.key(there(model, mark_b="o3")) == there(target, mark_a="o1").pk


@both_vendors
@pytest.mark.parametrize("spelling", ["{}", "00{}", " {}"])
def test_number_given_out_again_is_found_by_a_proxys_content_type_and_in_any_spelling(project, heard, local, spelling):
    target, model, proxy = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), TEXT, "kind = models.ForeignKey(ContentType, models.CASCADE)"),
        ("AProxy", "A", "Meta: proxy = True"),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"to_a": ("kind",)}}},
    )
    first = target.objects.create(pk=1, mark_a="o1")
    kind = ContentType.objects.get_for_model(proxy, for_concrete_model=False)
    model.objects.create(mark_b="o1", to_a=spelling.format(1), kind=kind)
    synchronize()
    assert there(model).to_a == spelling.format(1)

    first.delete()
    target.objects.create(pk=1, mark_a="o2")
    target.objects.using("remote").create(mark_a="theirs")
    assert synchronize().failures == []

    assert int(there(model).to_a) == there(target, mark_a="o2").pk


@both_vendors
@pytest.mark.parametrize("target_name", ["A", "C"])
def test_child_has_the_columns_of_its_parent_and_a_column_may_lead_to_a_child(project, heard, local, target_name):
    _, _, child, holder = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "to_a = models.IntegerField(null=True)"),
        ("C", "A", marked("c")),
        ("D", "B", marked("d")),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"to_a": f"shapefuzz.{target_name}"}}},
    )
    for number in range(3):
        child.objects.using("remote").create(mark_a=f"R{number}")
    holder.objects.create(mark_b="o1", to_a=child.objects.create(mark_a="o1").pk)

    assert synchronize().failures == []

    assert there(holder, mark_b="o1").to_a == there(child, mark_a="o1").pk
    assert not synchronize().changed
    child.objects.using("default").get().delete()
    assert synchronize().failures == [] and not child.objects.using("remote").filter(mark_a="o1").exists()


@pytest.mark.parametrize("vendors", ["sqlite-postgres", "postgres-sqlite"])
def test_keys_are_translated_between_vendors(project, pointer, heard, vendors):
    target, model = project(
        vendors,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), *pointer.lines),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": pointer.option}},
        SYNCHRO_BATCH_SIGNALS=True,
    )
    target.objects.using("remote").create(mark_a="R0")
    model.objects.create(mark_b="o1", **pointer.values(target.objects.create(mark_a="o1").pk))

    assert synchronize().failures == []

    assert pointer.key(there(model)) == there(target, mark_a="o1").pk
    assert not synchronize(full=True).changed


@both_vendors
@columns_alone
def test_what_leads_nowhere_on_both_sides_stays_as_it_is(pair, pointer, heard, local):
    target, model = pair()
    first = target.objects.create(mark_a="o1")
    for name in ("o1", "o2"):
        model.objects.create(mark_b=name, **pointer.values(first.pk))
    synchronize()
    before = pointer.key(there(model, mark_b="o1"))
    first.delete()
    synchronize()

    model.objects.filter(mark_b="o1").update(mark_b="o3")
    report = synchronize()

    assert report.failures == []
    assert {pointer.key(row) for row in model.objects.using("remote").all()} == {before}
    assert not synchronize(full=True).changed


@both_vendors
def test_column_costs_as_many_queries_as_a_foreign_key(project, local):
    target, model = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *(
                "B",
                "models.Model",
                marked("b"),
                "number = models.IntegerField(null=True)",
                "text = models.TextField(null=True)",
            ),
            "key = models.ForeignKey('A', models.CASCADE, null=True, related_name='+')",
        ),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"number": "shapefuzz.A", "text": "shapefuzz.A"}}},
    )

    def queries(*names):
        rows = target.objects.bulk_create([target(mark_a="o") for _ in range(30)])
        model.objects.bulk_create([model(**dict.fromkeys(names, row.pk)) for row in rows])
        with captured("default", "remote") as (here, there):
            assert synchronize().failures == []
        return len(here), len(there)

    queries("key_id")  # what is asked once
    assert queries("number", "text") == queries("key_id") == queries("number")


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
def test_no_receiver_sees_the_key_of_another_object_in_a_ring(pair, pointer, local, size):
    to_b = "to_b = models.ForeignKey('B', models.SET_NULL, null=True, related_name='+')"
    target, model = pair(a=[to_b], SYNCHRO_BATCH_SIZE=size)
    first = target.objects.create(mark_a="o1")
    first.to_b = model.objects.create(mark_b="o1", **pointer.values(first.pk))
    first.save()
    seen = []

    def see(instance, using, **told):
        if using == "remote" and instance.to_a is not None:
            found = target.objects.using("remote").filter(pk=pointer.key(instance)).first()
            seen.append(found and found.mark_a)

    with receiving("post_save", model, see):
        assert synchronize().failures == []

    assert seen[-1] == "o1" and set(seen) <= {"o1", None}


@both_vendors
def test_key_whose_type_stands_in_the_parents_table_is_compared_page_by_page(project, heard, local, monkeypatch):
    target, _, child = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "kind = models.ForeignKey(ContentType, models.CASCADE)"),
        ("C", "B", "to_a = models.IntegerField()", "any_a = GenericForeignKey('kind', 'to_a')"),
    )
    target.objects.using("remote").create(mark_a="R1")
    first, second = target.objects.create(mark_a="1"), target.objects.create(mark_a="2")
    child.objects.create(mark_b="c1", any_a=first)
    child.objects.create(mark_b="c2", any_a=second)
    synchronize()
    closer: list[str] = []
    look = CloserLook.at
    monkeypatch.setattr(
        CloserLook, "at", lambda self, keys: closer.extend([self._table.label] * len(keys)) or look(self, keys)
    )

    assert compare(models=["shapefuzz.C"]).equal
    assert closer == []

    there = target.objects.using("remote")
    with synchro_paused(using="remote"):
        child.objects.using("remote").filter(mark_b="c1").update(to_a=there.get(mark_a="2").pk)
    differing = compare(models=["shapefuzz.C"]).differences

    assert [(each.model, [field.field for field in each.fields]) for each in differing] == [("shapefuzz.C", ["to_a"])]
    assert set(closer) == {"shapefuzz.C"} and len(closer) == 2  # that row alone, and once more to be sure
