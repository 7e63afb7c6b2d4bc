"""Whether the project's tables on a database are what the models say; and what can be left out where they are not.

Two databases are migrated one after the other. Meanwhile a run goes on for the columns that both have, where that
loses nothing, and is refused where a row could not be found or stored without what is lacking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.backends.utils import strip_quotes
from django.db.models import Model

from ..conf import get_settings, options_of
from ..exceptions import Refused
from .catalog import Catalogs
from .tables import is_of_links, kept_field_names, skipped_names
from .vendor import columns_of, obliging_columns


@dataclass(frozen=True)
class _Table:
    """What was found of a model's table.

    Attributes:
        problem: why no object can be written there; ``''``: they can.
        either: ... and which side is behind, this one or the other, cannot be told.
        missing: the fields whose columns it does not have, and that can be done without.
        extra: the columns that only it has: neither the models nor the other side know them.
        absent: why its model is left out as a whole: there is no such table; ``""``: it is not. It names no database:
            ``Catalogs`` gives what one has told for each that is like it.
    """

    problem: str = ""
    either: bool = False
    missing: tuple[Any, ...] = ()
    extra: tuple[str, ...] = ()
    absent: str = ""


class Schema:
    """Whether the tables on a database are what the models say: asked once for each, and when it matters.

    Args:
        alias: the database.
        models: those that are synchronised.
        other: the other side, so that what only one of both has can be left out; ``None``: nothing can.
        receives: objects are written here, and come from the other side.
        without_tables: a model whose table is not there is left out as a whole; otherwise nothing can be done with it.
        catalogs: those that a run looks at.
    """

    def __init__(
        self,
        alias: str,
        models: Iterable[type[Model]],
        other: str | None = None,
        *,
        receives: bool = True,
        without_tables: bool = False,
        catalogs: Catalogs | None = None,
    ) -> None:
        self._alias, self._other, self._receives = alias, other, receives
        self._without_tables = without_tables
        self._catalogs = catalogs
        self._models = {model._meta.label: model for model in models if is_migrated(alias, model)}
        self._found: dict[str, _Table] = {}

    def forget(self) -> None:
        """Ask again: somebody may have migrated the database."""
        self._found.clear()

    def lagging(self, labels: Iterable[str]) -> dict[str, str]:
        """Return of which models nothing can be written or sent, with the reason; a query where no table differs."""
        return {label: table.problem for label, table in self._tables(labels).items() if table.problem}

    def missing(self, labels: Iterable[str]) -> dict[str, tuple[Any, ...]]:
        """Return, of the others, the fields whose columns are not there."""
        return {label: table.missing for label, table in self._tables(labels).items() if table.missing}

    def extra(self, labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return, of the others, the columns that only this database has: the models do not know them."""
        return {label: table.extra for label, table in self._tables(labels).items() if table.extra}

    def absent(self, labels: Iterable[str]) -> dict[str, str]:
        """Return the models whose tables are not there, with what is to be told of that."""
        tables = self._tables(labels).items()
        return {label: f"{self._alias!r} {table.absent}" for label, table in tables if table.absent}

    def require(self, labels: Iterable[str]) -> None:
        """Raise ``Refused`` where one of these models cannot be written or sent: not one object could be."""
        tables = self._tables(labels)
        if said := sorted(table.problem for table in tables.values() if table.problem):
            either = any(table.either for table in tables.values())
            other = f", or `--database {self._other}` with the code that knows its columns," if either else ""
            raise Refused(
                f"The schema of {self._alias!r} is not that of the models: {'; '.join(said)}. Nothing was written. Run "
                f"`manage.py migrate --database {self._alias}`{other} and try again; a model that it shall not "
                "have is left out of SYNCHRO_MODELS, or of the run with --model."
            )

    def _tables(self, labels: Iterable[str]) -> dict[str, _Table]:
        wanted = [label for label in labels if label in self._models]
        if asked := [self._models[label] for label in wanted if label not in self._found]:
            self._found.update(self._look(asked))
        return {label: self._found[label] for label in wanted}

    def _look(self, models: list[type[Model]]) -> dict[str, _Table]:
        connection = connections[self._alias]
        if self._catalogs is None:
            there, compared = self._look_there(models)
        else:
            question = ("columns", self._without_tables, tuple(models))
            there, compared = self._catalogs.ask(self._alias, question, lambda: self._look_there(models))
        found = dict(compared)
        differing = [model for model in models if found[model._meta.label] is None]
        if not differing:
            return {label: table for label, table in found.items() if table is not None}
        names = [model._meta.db_table for model in differing]
        others = columns_of(connections[self._other], names) if self._other is not None else {}
        obliging = obliging_columns(connection, names) if self._other is not None and self._receives else {}
        for model in differing:
            table = model._meta.db_table
            found[model._meta.label] = self._judged(
                model, there[table], _folded(others.get(table, ())), _folded(obliging.get(table, ()))
            )
        return {label: table for label, table in found.items() if table is not None}

    def _look_there(
        self, models: list[type[Model]]
    ) -> tuple[Mapping[str, Collection[str]], Mapping[str, _Table | None]]:
        """Return the columns of the models' tables, and what each table is by these, by labels of the models."""
        there = columns_of(connections[self._alias], [model._meta.db_table for model in models])
        return there, {model._meta.label: self._compared(model, there.get(model._meta.db_table)) for model in models}

    def _compared(self, model: type[Model], columns: Collection[str] | None) -> _Table | None:
        """Return what a table is; ``None``: its columns are others."""
        if columns is None and self._without_tables:
            return _Table(absent=f"has no table {model._meta.db_table!r}")
        if columns is None:
            return _Table(f"there is no {model._meta.db_table} ({model._meta.label})")
        return _Table() if not _missing(model, columns) and not _unknown(model, columns) else None

    def _judged(
        self, model: type[Model], columns: Collection[str], others: Collection[str], obliging: Collection[str]
    ) -> _Table:
        """Judge a table that has not the model's columns.

        Args:
            columns: those that it has.
            others: those that the same table has on the other side.
            obliging: those that every insert has to name.
        """
        missing, name = _missing(model, columns), f"{model._meta.db_table} ({model._meta.label})"
        if missing and self._without_tables and is_of_links(model):  # an end has another name there
            return _Table(absent=f"has no {_names(missing)} in the table {model._meta.db_table!r}")
        if self._other is None:
            return _Table(f"{name} has no {_names(missing)}") if missing else _Table()
        unknown = [column for column in _unknown(model, columns) if column.casefold() not in others]
        there = [field for field in missing if str(field.column).casefold() in others]
        if there and unknown:
            return _Table(
                f"{name} has no {_names(there)}, and has {', '.join(unknown)}, which neither the models nor "
                f"{self._other!r} know: the same column by another name?",
                either=True,
            )
        if obliged := [column for column in unknown if column.casefold() in obliging]:
            return _Table(
                f"{name} has {', '.join(obliged)}, which takes no NULL and has no default, and which neither the "
                f"models nor {self._other!r} know",
                either=True,
            )
        if kept := [field for field in missing if not can_be_left_out(model, field)]:
            return _Table(f"{name} has no {_names(kept)}, by which its objects are found, or counted")
        if not self._receives and (bare := [field for field in there if not _has_a_default(field)]):
            return _Table(f"{name} has no {_names(bare)}, and {self._other!r} takes no new object without it")
        return _Table(missing=tuple(missing), extra=tuple(unknown))


def can_be_left_out(model: type[Model], field: Any) -> bool:
    """Tell whether objects are found, and reckoned with, without a field."""
    options, name = options_of(model), field.name
    if field.primary_key or is_of_links(model) or getattr(field.remote_field, "parent_link", False):
        return False
    kept = kept_field_names(model)
    if kept is None or name in kept or name in get_settings().counters.get(model._meta.label, ()):
        return False
    told: set[Any] = {each.told_by for each in options.references}
    told |= {each.column for each in options.references}
    for generic in model._meta.private_fields:
        told |= {getattr(generic, "fk_field", None), getattr(generic, "ct_field", None)}
    return name not in told and field.attname not in told


def _has_a_default(field: Any) -> bool:
    return bool(field.null or field.has_db_default() or field.get_default() is not None)


def copied_names(model: type[Model], fields: Iterable[Any]) -> list[str]:
    """Return the names of those of a model's fields that are synchronised."""
    skipped = skipped_names(model)
    return [
        field.name
        for field in fields
        if field.name not in skipped and field.attname not in skipped and not getattr(field, "generated", False)
    ]


def is_migrated(alias: str, model: type[Model]) -> bool:
    """Tell whether ``migrate`` makes the model's table there, by a name that can be asked for."""
    return model._meta.managed and '"' not in model._meta.db_table and router.allow_migrate_model(alias, model)


def _missing(model: type[Model], columns: Collection[str]) -> list[Any]:
    there = _folded(columns)
    fields = model._meta.local_concrete_fields
    return [field for field in fields if field.column is not None and str(field.column).casefold() not in there]


def _unknown(model: type[Model], columns: Collection[str]) -> list[str]:
    own = _folded(str(field.column) for field in model._meta.local_concrete_fields)
    unknown = sorted(column for column in columns if column.casefold() not in own)
    if not unknown:
        return []
    others = _models_over(strip_quotes(model._meta.db_table))
    known = _folded(str(field.column) for other in others for field in other._meta.local_concrete_fields)
    return [column for column in unknown if column.casefold() not in known]


def _models_over(table: str) -> list[type[Model]]:
    models = apps.get_models(include_auto_created=True)
    return [model for model in models if strip_quotes(model._meta.db_table) == table]


def _folded(columns: Iterable[str]) -> frozenset[str]:
    return frozenset(column.casefold() for column in columns)


def _names(fields: Iterable[Any]) -> str:
    return ", ".join(str(field.column) for field in fields)
