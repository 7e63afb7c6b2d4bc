"""A machine that writes at random, by every road there is, and synchronises now and then.

Hypothesis drives it and, when the two sides differ, prints the shortest story that it can find: a line
``note`` for each thing that was done. Each story runs inside one transaction on either side, which is
rolled back at its end; that is what makes it fast. They all begin with what ``populate()`` has made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connections, models, transaction
from django.db.models import Model, ProtectedError, QuerySet, RestrictedError
from django.db.models.deletion import Collector
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from synchro_triggers import synchro_paused, synchronize
from synchro_triggers.conf import BatchSignals, get_settings
from tests.comparing import assert_same
from tests.shapeapp.models import (
    Article,
    Author,
    Book,
    Branch,
    Car,
    CascadePet,
    Chair,
    Champion,
    City,
    Contribution,
    Country,
    DatabasePet,
    Flea,
    Garage,
    Kept,
    Letter,
    Membercard,
    Note,
    NullPet,
    Owner,
    Passport,
    Slot,
    SportsCar,
    Topic,
    Truck,
    Vehicle,
)

ALIASES = ("default", "remote")

MODELS: tuple[type[Model], ...] = (
    *(Branch, Slot, Author, Book, Passport, Membercard, Topic, Article, Contribution, Note, Country, City),
    *(Chair, Champion, Vehicle, Car, SportsCar, Truck, Garage, Letter, Kept, Owner, CascadePet, Flea),
    *(DatabasePet, NullPet),
)
LINKS = (("topics", Topic), ("related", Article), ("cites", Article))
SWAPPED = ((Slot, "number"), (Branch, "slug"), (Chair, "row"), (Passport, "holder_id"), (Membercard, "holder_id"))
RENUMBERED: tuple[type[Model], ...] = (Branch, Slot, Author, Article, Owner, Country, Letter)
POINTED_AT: tuple[type[Model], ...] = (Branch, Article, Author, Note, Vehicle)

FEW_NUMBERS = st.integers(0, 5)
FEW_WORDS = ("a", "b", "c", "d")

SIGNALS = (pre_save, post_save, pre_delete, post_delete, m2m_changed)

chosen_model = st.sampled_from(MODELS)


def listen(**told: Any) -> None:
    """Be somebody who listens to every model."""


def populate() -> None:
    """Make two objects of each model on both sides, so that no step of a story finds nothing to work on."""
    for model in MODELS:
        for number in (1, 2):
            fields = (field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
            values = {field.attname: _first_value(field, number) for field in fields if not _links_to_parent(field)}
            model(**values).save(force_insert=True)
    for article in Article.objects.all():
        article.topics.set(Topic.objects.all())
    synchronize()


def _first_value(field: Any, number: int) -> Any:
    if field.is_relation:
        return None if field.null else _rows(field.remote_field.model).order_by("pk")[number - 1].pk
    if field.name == "name":
        return f"{field.model.__name__.lower()} {number}"
    if isinstance(field, models.BooleanField):
        return False
    return None if field.null else f"{number}" if isinstance(field, models.CharField) else number


class RandomWrites(RuleBasedStateMachine):
    """Writes on ``default``; ``default`` and ``remote`` must be equal after every run."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._free_keys: dict[type[Model], set[Any]] = {}
        self._broken = False
        self._blocks = [transaction.atomic(using=alias) for alias in ALIASES]
        for block in self._blocks:
            block.__enter__()

    def teardown(self) -> None:
        try:
            if not self._broken:
                self.synchronise()
        finally:
            for signal in SIGNALS:
                signal.disconnect(listen)
            for alias, block in zip(ALIASES, self._blocks, strict=True):
                transaction.set_rollback(True, using=alias)
                block.__exit__(None, None, None)
            ContentType.objects.clear_cache()

    # What is done ---------------------------------------------------------------------------------

    @initialize(size=st.sampled_from([1000, 1, 3]))
    def choose_batch_size(self, size: int) -> None:
        note(f"SYNCHRO_BATCH_SIZE = {size}")
        # Not by override_settings: a story that is given up must leave nothing behind.
        object.__setattr__(get_settings(), "batch_size", size)

    @initialize(way=st.sampled_from(["nobody", "somebody", "somebody, a batch at a time"]))
    def choose_who_listens(self, way: str) -> None:
        """What nobody observes is written in bulk, and must come to the same."""
        note(f"{way} listens")
        if way != "nobody":
            for signal in SIGNALS:
                signal.connect(listen)
        object.__setattr__(get_settings(), "batch_signals", BatchSignals("batch" in way, frozenset()))

    @rule()
    def synchronise(self) -> None:
        note("synchronize()")
        try:
            report = synchronize()
            assert report.failures == []
            assert_same(*MODELS)
            assert not synchronize().changed, "a second run found something to do"
        except BaseException:
            self._broken = True
            raise

    @rule(data=st.data(), model=chosen_model, way=st.sampled_from(["save", "bulk", "raw"]))
    def create(self, data: st.DataObject, model: type[Model], way: str) -> None:
        values = self._new_values(data, model)
        if values is None:
            return
        with self._attempt(f"create {model.__name__} by {way}: {values}"):
            self._create(model, way, values)

    @rule(data=st.data(), model=chosen_model)
    def create_several(self, data: st.DataObject, model: type[Model]) -> None:
        several = [self._new_values(data, model) for _ in range(data.draw(st.integers(2, 4)))]
        rows = [model(**values) for values in several if values is not None]
        if rows and not model._meta.parents:
            with self._attempt(f"bulk_create {len(rows)} {model.__name__}: {several}"):
                _rows(model).bulk_create(rows)

    @rule(data=st.data(), model=chosen_model, way=st.sampled_from(["save", "update", "bulk", "raw"]))
    def change(self, data: st.DataObject, model: type[Model], way: str) -> None:
        row = self._pick(data, model)
        fields = [
            field for field in model._meta.concrete_fields if not field.primary_key and not _links_to_parent(field)
        ]
        field = data.draw(st.sampled_from(fields))
        if row is None:
            return
        value = self._value(data, field)
        with self._attempt(f"{way}: {row!r}.{field.attname} = {value!r}"):
            self._change(row, field, value, way)

    @rule(data=st.data(), model=chosen_model)
    def change_all(self, data: st.DataObject, model: type[Model]) -> None:
        fields = [field for field in model._meta.concrete_fields if _is_plain_number(field)]
        if fields:
            field, value = data.draw(st.sampled_from(fields)), data.draw(FEW_NUMBERS)
            with self._attempt(f"{model.__name__}: all {field.attname} = {value}"):
                _rows(model).update(**{field.attname: value})

    @rule(data=st.data(), model=chosen_model, way=st.sampled_from(["delete", "queryset", "raw cascade", "raw"]))
    def delete(self, data: st.DataObject, model: type[Model], way: str) -> None:
        row = self._pick(data, model)
        if row is None:
            return
        key = row.pk
        with self._attempt(f"delete {row!r} by {way}"):
            self._delete(data, row, way)
            self._free_keys.setdefault(model, set()).add(key)

    @rule(data=st.data(), model=st.sampled_from([SportsCar, Car, Truck]))
    def delete_child_alone(self, data: st.DataObject, model: type[Model]) -> None:
        row = self._pick(data, model)
        if row is not None:
            with self._attempt(f"delete {row!r}, but keep its parents"):
                row.delete(keep_parents=True)

    @rule(data=st.data(), what=st.sampled_from(SWAPPED), way=st.sampled_from([2, 3]))
    def hand_round(self, data: st.DataObject, what: tuple[type[Model], str], way: int) -> None:
        model, attname = what
        rows = [row for row in (self._pick(data, model) for _ in range(way)) if row is not None]
        rows = list({row.pk: row for row in rows}.values())
        if len(rows) < 2:
            return
        spare = self._spare(attname)
        if spare is None and not model._meta.get_field(attname).null:
            return
        with self._attempt(f"hand round {attname} among {rows}"):
            values = [getattr(row, attname) for row in rows]
            for row, value in [(rows[0], spare), *zip(rows[1:], values, strict=False), (rows[0], values[-1])]:
                _rows(model).filter(pk=row.pk).update(**{attname: value})

    @rule(data=st.data(), what=st.sampled_from(LINKS), way=st.sampled_from(["add", "remove", "set", "clear", "raw"]))
    def link(self, data: st.DataObject, what: tuple[str, type[Model]], way: str) -> None:
        name, model = what
        article, target, another = self._pick(data, Article), self._pick(data, model), self._pick(data, model)
        if article is None or target is None:
            return
        with self._attempt(f"{article!r}.{name}: {way} {target!r}, {another!r}"):
            self._link(article, name, way, target, another)

    @rule(data=st.data())
    def point_a_note_somewhere(self, data: st.DataObject) -> None:
        row = self._pick(data, Note)
        target = self._pick(data, data.draw(st.sampled_from(POINTED_AT)))
        if row is not None and target is not None:
            with self._attempt(f"{row!r} points to {target!r}"):
                kind = ContentType.objects.get_for_model(type(target))
                _rows(Note).filter(pk=row.pk).update(content_type=kind, object_id=target.pk)

    @rule(data=st.data(), order=st.booleans())
    def replace_parent(self, data: st.DataObject, order: bool) -> None:
        old, new = self._pick(data, Branch), self._pick(data, Branch)
        if old is None or new is None or old.pk == new.pk:
            return
        with self._attempt(f"raw: children of {old!r} move to {new!r}, {'before' if order else 'after'} it goes"):
            move = ("UPDATE shapeapp_branch SET parent_id = %s WHERE parent_id = %s", [new.pk, old.pk])
            remove = ("DELETE FROM shapeapp_branch WHERE id = %s", [old.pk])
            with connections["default"].cursor() as cursor:
                for sql, params in (move, remove) if order else (remove, move):
                    cursor.execute(sql, params)

    @rule(data=st.data(), model=st.sampled_from(RENUMBERED))
    def renumber(self, data: st.DataObject, model: type[Model]) -> None:
        row = self._pick(data, model)
        if row is None:
            return
        self._count += 1
        new = 50_000 + self._count
        with self._attempt(f"raw: the key of {row!r} becomes {new}"):
            self._renumber(row, new)

    @rule(data=st.data())
    def point_to_what_was_never_logged(self, data: st.DataObject) -> None:
        parent = self._pick(data, Branch)
        with self._attempt("create a paused branch, and a logged one below it"):
            with synchro_paused():
                paused = Branch.objects.create(name=self._name(), parent=parent)
            Branch.objects.create(name=self._name(), parent=paused)
        self.synchronise()  # at once: without the logged one, nobody would have to know the other

    @rule(data=st.data())
    def vehicle_becomes_a_truck(self, data: st.DataObject) -> None:
        row = self._pick(data, Vehicle)
        if row is not None and not any(_rows(model).filter(pk=row.pk).exists() for model in (Car, Truck)):
            with self._attempt(f"raw: {row!r} becomes a truck"), connections["default"].cursor() as cursor:
                cursor.execute("INSERT INTO shapeapp_truck (vehicle_ptr_id, load) VALUES (%s, 1)", [row.pk])

    @rule(data=st.data(), model=chosen_model)
    def roll_back(self, data: st.DataObject, model: type[Model]) -> None:
        row = self._pick(data, model)
        if row is not None:
            note(f"delete {row!r}, and roll back")
            with self._refused(), transaction.atomic():
                row.delete()
                transaction.set_rollback(True)

    # How it is done -------------------------------------------------------------------------------

    def _create(self, model: type[Model], way: str, values: dict[str, Any]) -> None:
        if way == "raw" and not model._meta.parents:
            fields = [field for field in model._meta.concrete_fields if field.attname in values]
            columns = ", ".join(f'"{field.column}"' for field in fields)
            marks = ", ".join(["%s"] * len(fields))
            with connections["default"].cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})",
                    [values[field.attname] for field in fields],
                )
        elif way == "bulk" and not model._meta.parents:
            _rows(model).bulk_create([model(**values)])
        else:
            model(**values).save(force_insert=True)

    def _change(self, row: Model, field: Any, value: Any, way: str) -> None:
        model = type(row)
        if way == "raw":
            table, key = field.model._meta.db_table, field.model._meta.pk.column
            with connections["default"].cursor() as cursor:
                cursor.execute(f'UPDATE {table} SET "{field.column}" = %s WHERE {key} = %s', [value, row.pk])
        elif way == "update":
            _rows(model).filter(pk=row.pk).update(**{field.attname: value})
        else:
            setattr(row, field.attname, value)
            if way == "bulk":
                _rows(model).bulk_update([row], [field.name])
            else:
                row.save()

    def _delete(self, data: st.DataObject, row: Model, way: str) -> None:
        if way == "delete":
            row.delete()
        elif way == "queryset":
            _rows(type(row)).filter(pk=row.pk).delete()
        elif way == "raw":
            _rows(type(row)).filter(pk=row.pk)._raw_delete("default")
        else:
            statements = list(_raw_cascade(row))
            for update, rows in data.draw(st.permutations(statements)):
                if update:
                    rows.update(**update)
                else:
                    rows._raw_delete("default")

    def _link(self, article: Any, name: str, way: str, target: Model, another: Model | None) -> None:
        manager = getattr(article, name)
        if way == "set":
            manager.set([one for one in (target, another) if one is not None])
        elif way == "clear":
            manager.clear()
        elif way == "raw" and name != "related":  # half of a symmetrical link is what no manager would leave
            through = manager.through
            source, end = manager.source_field.attname, manager.target_field.attname
            found = _rows(through).filter(**{source: article.pk, end: target.pk})
            if not found._raw_delete("default"):
                _rows(through).bulk_create([through(**{source: article.pk, end: target.pk})])
        elif way == "remove":
            manager.remove(target)
        else:
            manager.add(target)

    def _renumber(self, row: Model, new: int) -> None:
        options = row._meta
        with connections["default"].cursor() as cursor:
            cursor.execute(f"UPDATE {options.db_table} SET id = %s WHERE id = %s", [new, row.pk])
            for relation in options.get_fields(include_hidden=True):
                if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
                    field = relation.field
                    cursor.execute(
                        f"UPDATE {field.model._meta.db_table} SET {field.column} = %s WHERE {field.column} = %s",
                        [new, row.pk],
                    )
        kind = ContentType.objects.get_for_model(type(row))
        _rows(Note).filter(content_type=kind, object_id=row.pk).update(object_id=new)

    @contextmanager
    def _attempt(self, what: str) -> Iterator[None]:
        """Do something that the database may refuse, which must then leave nothing in the log."""
        note(what)
        with self._refused(), transaction.atomic():
            yield
            connections["default"].check_constraints()

    @contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, ProtectedError, RestrictedError) as error:
            note(f"  refused: {type(error).__name__}")

    # Choosing -------------------------------------------------------------------------------------

    def _name(self) -> str:
        self._count += 1
        return f"n{self._count}"

    def _pick(self, data: st.DataObject, model: type[Model]) -> Any:
        rows = list(_rows(model).order_by("pk"))
        return data.draw(st.sampled_from(rows)) if rows else None

    def _new_values(self, data: st.DataObject, model: type[Model]) -> dict[str, Any] | None:
        """Return the values of a new object, or ``None`` when something that it must point to is missing."""
        values: dict[str, Any] = {}
        for field in model._meta.concrete_fields:
            if _links_to_parent(field):
                continue
            if isinstance(field, (models.AutoField, models.BigAutoField)):
                free = sorted(self._free_keys.get(model, ()))
                if free and data.draw(st.booleans()):
                    values[field.attname] = data.draw(st.sampled_from(free))
                continue
            value = self._value(data, field)
            if value is None and not field.null:
                return None
            values[field.attname] = value
        return values

    def _value(self, data: st.DataObject, field: Any) -> Any:
        if field.is_relation and field.remote_field.model is ContentType:
            return None
        if field.is_relation:
            keys: Sequence[Any] = sorted(_rows(field.remote_field.model).values_list("pk", flat=True))
            if field.null and (not keys or data.draw(st.booleans())):
                return None
            return data.draw(st.sampled_from(keys)) if keys else None
        if field.name == "object_id":
            return None
        if field.name == "name":
            return self._name()
        if isinstance(field, models.BooleanField):
            return data.draw(st.booleans())
        if isinstance(field, models.CharField):
            return data.draw(st.sampled_from([None, *FEW_WORDS] if field.null else FEW_WORDS))
        return data.draw(FEW_NUMBERS)

    def _spare(self, attname: str) -> Any:
        if attname in {"slug"}:
            return None
        if attname == "holder_id":
            used = set(_rows(Passport).values_list("holder_id", flat=True))
            used |= set(_rows(Membercard).values_list("holder_id", flat=True))
            return _rows(Author).exclude(pk__in=used - {None}).values_list("pk", flat=True).first()
        return 77


def _rows(model: type[Model]) -> QuerySet[Any]:
    return QuerySet(model, using="default")


def _links_to_parent(field: Any) -> bool:
    return bool(field.is_relation and getattr(field.remote_field, "parent_link", False))


def _is_plain_number(field: Any) -> bool:
    return (
        isinstance(field, models.IntegerField)
        and not field.primary_key
        and not field.unique
        and field.name != "object_id"
    )


def _raw_cascade(row: Model) -> Iterator[tuple[dict[str, Any], QuerySet[Any]]]:
    """Return what deleting a row does, as single statements: values to set, or none to delete, and rows."""
    collector = Collector(using="default", origin=row)
    collector.collect([row])
    for fast in collector.fast_deletes:
        yield {}, _rows(fast.model).filter(pk__in=list(fast.values_list("pk", flat=True)))
    for model, instances in collector.data.items():
        yield {}, _rows(model).filter(pk__in=[instance.pk for instance in instances])
    for (field, value), batches in collector.field_updates.items():
        keys = [one.pk for batch in batches for one in batch]
        yield {field.attname: value}, _rows(field.model).filter(pk__in=keys)
