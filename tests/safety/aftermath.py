"""What is in both databases after a run, but for the keys, times and names that differ from run to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db.models import AutoField, BigAutoField, Model, QuerySet

from synchro_triggers.models import ChangeLog, Checkpoint, Failure, Introduction, Node, Operation, Reference
from synchro_triggers.replay.log.history import fingerprint
from synchro_triggers.replay.state.node import is_elsewhere, node_id
from tests.databases import ALIASES
from tests.safety.story import LOCAL
from tests.testapp.models import Unlisted

NEW = "a new node"

Contents = dict[str, list[str]]
"""What to where: rows as text, sorted."""


def contents(names: Sequence[str], nodes: dict[str, str]) -> Contents:
    """Return all that must be the same, whether a run was killed before or not.

    Args:
        names: of the models of ``testapp`` that are synchronised.
        nodes: identities that have a name, such as those that the databases had at the beginning. Others are new.
    """
    found: Contents = {}
    models = [apps.get_model("testapp", name) for name in names]
    links = [field.remote_field.through for model in models for field in model._meta.local_many_to_many]
    for alias in ALIASES:
        keys = _Keys(alias)
        for model in dict.fromkeys([*models, *links, Unlisted]):
            found[f"{model._meta.label} on {alias}"] = sorted(repr(keys.values_of(row)) for row in _rows(model, alias))
        for what, rows in _own(alias, keys, lambda node: nodes.get(node, NEW) if node else ""):
            found[f"{what} on {alias}"] = sorted(map(repr, rows))
    return {what: rows for what, rows in found.items() if rows}


def differences(expected: Contents, found: Contents) -> list[str]:
    """Return a line for each row that is missing, and for each that should not be there."""
    lines = []
    for what in sorted(expected.keys() | found.keys()):
        wanted, there = Counter(expected.get(what, ())), Counter(found.get(what, ()))
        lines += [f"{what}: missing {row}" for row in (wanted - there).elements()]
        lines += [f"{what}: surplus {row}" for row in (there - wanted).elements()]
    return lines


def names_of_nodes() -> dict[str, str]:
    """Return the identities of both databases, to be told from later ones."""
    return {node_id(alias): alias for alias in ALIASES}


class _Keys:
    """Names the objects of one database: by LOCAL's keys.

    The remote's own differ, for a sequence does not take back what it has given to a transaction that was lost.
    """

    def __init__(self, alias: str) -> None:
        self._here = alias == LOCAL
        rows = Reference.objects.using(alias).values_list("model_label", "remote_pk", "local_pk")
        self._known = {(label, remote): local for label, remote, local in rows}

    def name(self, model: type[Model], key: object) -> str:
        """Return the name of an object; ``*``: LOCAL has none for it."""
        root = model._meta.get_parent_list()[-1] if model._meta.get_parent_list() else model._meta.concrete_model
        return self.by_label(root._meta.label, key, automatic=isinstance(root._meta.pk, (AutoField, BigAutoField)))

    def by_label(self, label: str, key: object, *, automatic: bool = True) -> str:
        if self._here or not automatic:
            return str(key)
        return self._known.get((label, str(key)), "*")

    def values_of(self, row: Model) -> dict[str, Any]:
        return {field.attname: self._value(row, field) for field in row._meta.concrete_fields}

    def _value(self, row: Model, field: Any) -> Any:
        value = row.__dict__[field.attname]
        if field.is_relation and value is not None:
            return self.name(field.remote_field.model, value)
        if isinstance(field, (AutoField, BigAutoField)):
            return self.name(type(row), value)
        return value


def _rows(model: type[Any], alias: str) -> QuerySet[Any]:
    return QuerySet(model, using=alias)


def _own(alias: str, keys: _Keys, node: Any) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Yield what this package has stored, by the name of its kind."""
    # Nobody knows anything of an identity that a killed process had given it.
    selves = [[node(each) for each in row.copied_from.split(",") if node(each) != NEW] for row in _rows(Node, alias)]
    yield "node", [(node(row.node_id), is_elsewhere(alias), selves) for row in _rows(Node, alias)]
    logged = [
        (row.model_label, keys.by_label(row.model_label, row.object_pk), row.operation, node(row.origin))
        for row in _rows(ChangeLog, alias)
    ]
    # An object that must let another one pass is written more than once, where both come in one transaction.
    yield "log", [row for row in logged if row[2] != Operation.UPDATE]
    yield "log of updates", sorted({row for row in logged if row[2] == Operation.UPDATE})
    # Of an identity that a killed process was about to take nobody hears any more.
    checkpoints = [row for row in _rows(Checkpoint, alias) if node(row.source) != NEW or row.source == node_id(LOCAL)]
    yield "checkpoint", [(node(row.source), *_progress(row)) for row in checkpoints]
    # Without ``logged``: what has come as a kept failure was not made one by the log.
    yield (
        "reference",
        [(node(row.source), row.model_label, row.local_pk, row.remote_won) for row in _rows(Reference, alias)],
    )
    yield (
        "introduction",
        [(node(row.source), row.model_label, row.word, row.up_to, row.keys) for row in _rows(Introduction, alias)],
    )
    yield (
        "failure",
        [
            (node(row.source), row.model_label, row.key, row.operation, row.old_values, row.waits_label, row.waits_pk)
            for row in _rows(Failure, alias)
        ],
    )


def _progress(row: Checkpoint) -> tuple[object, ...]:
    row_id, _, rest = row.last_row.partition("|")
    at_local = row.place == fingerprint(LOCAL)
    last = row_id, rest.partition("|")[2]  # without its time
    return row.window_end, row.window_after, row.since, last, bool(row.last_window), at_local, row.run_id
