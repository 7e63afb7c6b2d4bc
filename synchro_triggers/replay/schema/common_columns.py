"""The columns, and tables, that two databases have in common: what each lacks, and doing without that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.models import Model

from ...capture.catalog import Catalogs
from ...capture.schema import Schema, can_be_left_out, copied_names, is_migrated
from ...capture.tables import is_of_links
from ...capture.vendor import columns_of
from ...django_inside.expected import PARTS, is_as_expected
from ...django_inside.missing_columns import columns_missing
from ...django_inside.missing_tables import tables_missing
from ...exceptions import Refused
from .left_out import leaving_out
from .shape import is_foreign_key, model_of, target_of


class CommonColumns:
    """What a source and a remote have of the models' columns: looked at once, and when it matters.

    Args:
        source, remote: the aliases.
        models: those that are synchronised.
        catalogs: those that a run looks at.

    Attributes:
        there: whether the remote's tables are what the models say.
        here: whether the source's are.
    """

    def __init__(
        self, source: str, remote: str, models: Collection[type[Model]], catalogs: Catalogs | None = None
    ) -> None:
        self._source, self._remote, self._models = source, remote, models
        self._absent: dict[type[Model], str] | None = None
        self.there = Schema(remote, models, source, without_tables=True, catalogs=catalogs)
        self.here = Schema(source, models, remote, receives=False, without_tables=True, catalogs=catalogs)

    def forget(self) -> None:
        """Look again: somebody may have migrated one of them."""
        self._absent = None
        self.there.forget()
        self.here.forget()

    def require(self, labels: Collection[str]) -> None:
        """Raise ``Refused`` where objects of one of these models cannot be sent, or written there."""
        self.there.require(labels)
        self.here.require(labels)

    def missing(self, labels: Collection[str]) -> tuple[frozenset[Any], frozenset[Any]]:
        """Return the fields whose columns the source does not have, and those that the remote does not have.

        Raises:
            Refused: there are some, and Django is not inside as it has to be to do without them.
        """
        found = _together(self.here.missing(labels).values()), _together(self.there.missing(labels).values())
        if any(found):
            self._require_compilers(self._remote if found[1] else self._source)
        return found

    def absent(self) -> Mapping[type[Model], str]:
        """Return the models that are left out as a whole, with the reason: one side lacks their tables.

        So are children of such a model, and links to it.

        Raises:
            Refused: as ``missing()``.
        """
        if self._absent is None:
            self._absent = self._look_what_is_absent()
        return self._absent

    def absent_on(self, side: Schema) -> list[str]:
        """Return the tables that one of both sides does not have."""
        labels = side.absent(model._meta.label for model in self._models)
        return [model._meta.db_table for model in self._models if model._meta.label in labels]

    def _look_what_is_absent(self) -> dict[type[Model], str]:
        found: dict[type[Model], str] = {}
        labels = [model._meta.label for model in self._models]
        for alias, side in ((self._source, self.here), (self._remote, self.there)):
            for label, what in side.absent(labels).items():
                if (model := model_of(label)) is not None:
                    said = f"{what}: run `manage.py migrate --database {alias}`"
                    found[model] = f"{found[model]}; {said}" if model in found else said
        if found:
            self._require_compilers(self._remote if self.absent_on(self.there) else self._source)
        while more := {
            model: said for model in self._models if model not in found if (said := _hangs_on(model, found))
        }:
            found |= more
        return found

    def leading_nowhere(self) -> frozenset[Any]:
        """Return the fields that point to what is absent, and are empty meanwhile."""
        absent = self.absent()
        found = frozenset(
            field
            for model in (self._models if absent else ())
            if model not in absent
            for field in model._meta.local_concrete_fields
            if is_foreign_key(field) and field.null and target_of(field)[0] in absent and can_be_left_out(model, field)
        )
        # Of tables that somebody else makes nobody has looked whether they are there.
        others = {field.model._meta.db_table for field in found if not is_migrated(self._remote, field.model)}
        lacking = others.difference(columns_of(connections[self._remote], sorted(others)) if others else ())
        return frozenset(field for field in found if field.model._meta.db_table not in lacking)

    def _require_compilers(self, behind: str) -> None:
        if not is_as_expected("compilers"):
            raise Refused(
                f"The schema of {behind!r} is behind, and this Django is not inside as synchro_triggers expects "
                f"({PARTS['compilers'].relies_on}): run `manage.py migrate --database {behind}`."
            )

    def unknown(self, labels: Collection[str]) -> list[tuple[str, str]]:
        """Return, by labels of models, the columns that only the source has: this code is behind, as the remote is."""
        return [(label, column) for label, columns in self.here.extra(labels).items() for column in columns]

    @contextmanager
    def without(self, here: frozenset[Any], there: frozenset[Any], held: frozenset[Any]) -> Iterator[None]:
        """Do without fields in the block: those that one side lacks, and further ones that are held."""
        with (
            columns_missing(self._source, here),
            columns_missing(self._remote, there),
            tables_missing(self._source, self.absent_on(self.here)),
            tables_missing(self._remote, self.absent_on(self.there)),
            leaving_out(here | there | held, self.absent()),
        ):
            yield


def copied(fields: Iterable[Any]) -> frozenset[Any]:
    """Return those of the fields that are synchronised."""
    return frozenset(field for field in fields if copied_names(field.model, [field]))


def fields_with(label: str, columns: Collection[str]) -> list[Any]:
    """Return the fields of a model that have some columns; the models may not know all of them, or no more."""
    model = model_of(label)
    fields = model._meta.local_concrete_fields if model is not None else ()
    return [field for field in fields if field.column in columns]


def _hangs_on(model: type[Model], absent: Mapping[type[Model], str]) -> str:
    """Return why a model has to be left out with others: its objects, or links, cannot be without theirs."""
    needed: list[Any] = list(model._meta.all_parents)
    if is_of_links(model):
        needed += [target_of(field)[0] for field in model._meta.local_concrete_fields if is_foreign_key(field)]
    return next((f"it needs {each._meta.label}: {absent[each]}" for each in needed if each in absent), "")


def _together(groups: Iterable[Iterable[Any]]) -> frozenset[Any]:
    return frozenset(field for group in groups for field in group)
