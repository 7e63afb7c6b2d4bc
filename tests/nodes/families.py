"""Families of models for random histories: what a node has of them, and how users change it, by several roads.

Each object has a number in a field: which object it is, times a thousand, and which write that is. So a look at a node
tells which object is which, and which write it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import CASCADE, SET_NULL, Field, ForeignKey, Model, QuerySet

from tests.shapeapp.models import CascadePet, Flea, NullPet, Owner, ProtectPet
from tests.testapp.models import Account, Entry, Keyed, KeyedChild, Tag, Tagged

WRITES = 1000


@dataclass(frozen=True)
class Kind:
    """A model of a family.

    Attributes:
        number: the field with an object's number.
        parent: the foreign key to its parent.
        code: the field with a natural key that several objects want.
        made: the field that an object's maker gives a text of its own.
    """

    model: type[Model]
    number: str = "name"
    parent: str = ""
    code: str = ""
    made: str = ""

    @property
    def foreign_key(self) -> ForeignKey[Any, Any]:
        field: Any = self.model._meta.get_field(self.parent)
        return field

    @property
    def parent_model(self) -> type[Model] | None:
        return self.foreign_key.related_model if self.parent else None


FAMILIES: dict[str, tuple[Kind, ...]] = {
    "natural keys": (Kind(Keyed, "cash", code="code"), Kind(KeyedChild, parent="parent")),
    "kept keys": (Kind(Account, "cash", made="name"), Kind(Entry, parent="account")),
    "cascades": (Kind(Owner), Kind(CascadePet, parent="owner"), Kind(Flea, parent="pet")),
    "on_delete": (
        Kind(Owner),
        Kind(CascadePet, parent="owner"),
        Kind(NullPet, parent="owner"),
        Kind(ProtectPet, parent="owner"),
    ),
    "links": (Kind(Tagged, "title"), Kind(Tag, "label")),
}

LINKS = {Tagged: Tagged.tags.through}


class Row(NamedTuple):
    """An object at a node: where it is, and what it holds."""

    kind: Kind
    key: Any
    number: int
    code: str = ""
    parent: Any = None

    @property
    def thing(self) -> int:
        return self.number // WRITES


class State:
    """What a node has of a family.

    Attributes:
        rows: the objects.
        links: pairs of the numbers of linked objects.
    """

    def __init__(self, node: str, kinds: Sequence[Kind]) -> None:
        self.node = node
        self.rows = [row for kind in kinds for row in _rows(node, kind)]
        self._by_key = {(row.kind.model, row.key): row for row in self.rows}
        self.links = sorted(_links(self, kinds))

    def parent_of(self, row: Row) -> Row | None:
        return None if row.parent is None else self.at(row.kind.parent_model, row.parent)

    def at(self, model: Any, key: Any) -> Row | None:
        return self._by_key.get((model, key))

    def things(self) -> dict[int, Row]:
        return {row.thing: row for row in self.rows}

    def of(self, model: Any) -> list[Row]:
        return sorted((row for row in self.rows if row.kind.model is model), key=lambda row: row.thing)

    def contents(self) -> list[tuple[Any, ...]]:
        """Return what it has without keys, which differ."""
        found: list[tuple[Any, ...]] = []
        for row in self.rows:
            parent = self.parent_of(row)
            of_parent = () if row.parent is None else ("under", parent.number if parent else "nothing")
            found.append((row.kind.model.__name__, row.number, row.code, *of_parent))
        return sorted(found, key=str) + [("link", *pair) for pair in self.links]


def _rows(node: str, kind: Kind) -> Iterable[Row]:
    for row in QuerySet(kind.model, using=node).order_by("pk"):
        parent = getattr(row, kind.foreign_key.attname) if kind.parent else None
        yield Row(kind, row.pk, int(getattr(row, kind.number)), getattr(row, kind.code) if kind.code else "", parent)


def _links(state: State, kinds: Sequence[Kind]) -> Iterable[tuple[int, int]]:
    for through in (LINKS[kind.model] for kind in kinds if kind.model in LINKS):
        for tagged, tag in QuerySet(through, using=state.node).values_list("tagged_id", "tag_id"):
            ends = state.at(Tagged, tagged), state.at(Tag, tag)
            yield tuple(end.number if end else 0 for end in ends)


# What users do ------------------------------------------------------------------------------------


def make(node: str, road: str, kind: Kind, values: Mapping[str, Any]) -> None:
    made = kind.model(**values)
    if road == "save":
        made.save(using=node)
    elif road == "sql":
        fields = [each for each in kind.model._meta.concrete_fields if not (each.primary_key and made.pk is None)]
        columns, marks = ", ".join(each.column for each in fields), ", ".join(["%s"] * len(fields))
        _execute(node, f"INSERT INTO {_table(kind.model)} ({columns}) VALUES ({marks})", _stored(node, made, fields))
    else:
        QuerySet(kind.model, using=node).bulk_create([made])


def change(node: str, road: str, row: Row, values: Mapping[str, Any]) -> None:
    rows = QuerySet(row.kind.model, using=node).filter(pk=row.key)
    instance = rows.get()
    for name, value in values.items():
        setattr(instance, name, value)
    if road == "save":
        instance.save(using=node)
    elif road == "update":
        rows.update(**values)
    elif road == "bulk":
        QuerySet(row.kind.model, using=node).bulk_update([instance], list(values))
    else:
        fields = [row.kind.model._meta.get_field(name) for name in values]
        sets = ", ".join(f"{each.column} = %s" for each in fields)
        sql = f"UPDATE {_table(row.kind.model)} SET {sets} WHERE {_key_column(row.kind.model)} = %s"
        _execute(node, sql, [*_stored(node, instance, fields), row.key])


def is_protected(state: State, row: Row) -> bool:
    return any(
        each.kind.foreign_key.remote_field.on_delete not in (CASCADE, SET_NULL) or is_protected(state, each)
        for each in hanging_on(state, row)
    )


def hanging_on(state: State, row: Row) -> list[Row]:
    return [each for each in state.rows if each.kind.parent and state.parent_of(each) == row]


def delete(state: State, road: str, row: Row) -> None:
    rows = QuerySet(row.kind.model, using=state.node).filter(pk=row.key)
    if road == "save":
        rows.get().delete(using=state.node)
    elif road == "sql":
        _delete_by_sql(state, row)
    else:
        rows.delete()


def _delete_by_sql(state: State, row: Row) -> None:
    """Delete an object, and do what ``on_delete`` says, by statements of one's own."""
    for each in hanging_on(state, row):
        field = each.kind.foreign_key
        if field.remote_field.on_delete is CASCADE:
            _delete_by_sql(state, each)
        else:
            table, key = _table(each.kind.model), _key_column(each.kind.model)
            _execute(state.node, f"UPDATE {table} SET {field.column} = NULL WHERE {key} = %s", [each.key])
    for column in {Tagged: ("tagged_id",), Tag: ("tag_id",)}.get(row.kind.model, ()):
        _execute(state.node, f"DELETE FROM {_table(LINKS[Tagged])} WHERE {column} = %s", [row.key])
    _execute(state.node, f"DELETE FROM {_table(row.kind.model)} WHERE {_key_column(row.kind.model)} = %s", [row.key])


def link(node: str, road: str, owner: Row, target: Row, *, there: bool) -> None:
    """Link two objects, or remove their link."""
    if road == "sql":
        sql = (
            f"INSERT INTO {_table(LINKS[Tagged])} (tagged_id, tag_id) VALUES (%s, %s)"
            if there
            else f"DELETE FROM {_table(LINKS[Tagged])} WHERE tagged_id = %s AND tag_id = %s"
        )
        _execute(node, sql, [owner.key, target.key])
        return
    tags = QuerySet(Tagged, using=node).get(pk=owner.key).tags
    tag = QuerySet(Tag, using=node).get(pk=target.key)
    (tags.add if there else tags.remove)(tag)


def _table(model: type[Model]) -> str:
    return model._meta.db_table


def _key_column(model: type[Model]) -> str:
    key: Any = model._meta.pk
    return str(key.column)


def _stored(node: str, instance: Model, fields: Sequence[Field[Any, Any]]) -> list[Any]:
    connection = connections[node]
    return [each.get_db_prep_save(getattr(instance, each.attname), connection) for each in fields]


def _execute(node: str, sql: str, values: Sequence[Any]) -> None:
    with connections[node].cursor() as cursor:
        cursor.execute(sql, values)
