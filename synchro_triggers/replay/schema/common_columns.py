"""The columns that two databases have in common: what each lacks, and doing without that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model

from ...capture.schema import Schema, copied_names
from ...django_inside.expected import PARTS, is_as_expected
from ...django_inside.missing_columns import columns_missing
from ...exceptions import Refused
from .left_out import leaving_out
from .shape import model_of


class CommonColumns:
    """What a source and a remote have of the models' columns: looked at once, and when it matters.

    Args:
        source, remote: the aliases.
        models: those that are synchronised.

    Attributes:
        there: whether the remote's tables are what the models say.
        here: whether the source's are.
    """

    def __init__(self, source: str, remote: str, models: Collection[type[Model]]) -> None:
        self._source, self._remote = source, remote
        self.there = Schema(remote, models, source)
        self.here = Schema(source, models, remote, receives=False)

    def forget(self) -> None:
        """Look again: somebody may have migrated one of them."""
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
        if any(found) and not is_as_expected("compilers"):
            behind = self._remote if found[1] else self._source
            raise Refused(
                f"The schema of {behind!r} is behind, and this Django is not inside as synchro_triggers expects "
                f"({PARTS['compilers'].relies_on}): run `manage.py migrate --database {behind}`."
            )
        return found

    def unknown(self, labels: Collection[str]) -> list[tuple[str, str]]:
        """Return, by labels of models, the columns that only the source has: this code is behind, as the remote is."""
        return [(label, column) for label, columns in self.here.extra(labels).items() for column in columns]

    @contextmanager
    def without(self, here: frozenset[Any], there: frozenset[Any], held: frozenset[Any]) -> Iterator[None]:
        """Do without fields in the block: those that one side lacks, and further ones that are held."""
        with (
            columns_missing(self._source, here),
            columns_missing(self._remote, there),
            leaving_out(here | there | held),
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


def _together(groups: Iterable[Iterable[Any]]) -> frozenset[Any]:
    return frozenset(field for group in groups for field in group)
