"""What goes with a remote row that is deleted: by the ORM's cascades, and by those of the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ..plan.cascades import is_part_of, let_go, links_going, taken_along
from ..plan.database_cascades import DatabaseCascades
from ..rows.unhashable import hangers_told, require_hashable


@dataclass(frozen=True)
class Going:
    """A remote row that is deleted, and the parents' rows that go with it.

    Attributes:
        row: the row.
        remote: the alias of its database.
        keep_parents: its parents' rows stay: the object lives on without this child.
        parents: those of its parents' rows that are deleted apart from it, where others stay; ``None``: all go.
    """

    row: Model
    remote: str
    keep_parents: bool = False
    parents: Sequence[Model] | None = None

    @property
    def is_alone(self) -> bool:
        """Whether the row's own ``delete()`` has to leave its parents' rows alone."""
        return self.keep_parents or self.parents is not None

    @property
    def apart(self) -> Sequence[Model]:
        """The parents' rows that are deleted apart from it."""
        return self.parents or ()

    def links(self, along: Iterable[Model]) -> set[tuple[type[Model], Any]]:
        """Return the links that go with the row and with what it takes along: their table, and their key in it."""
        return links_going([self.row, *self.apart, *along], self.remote, own_alone=self.is_alone)

    def emptied(self) -> dict[Any, list[Model]]:
        """Return the rows whose foreign keys the delete empties, by the foreign key."""
        emptied = let_go(self.row, self.remote, keep_parents=self.is_alone)
        for parent in self.apart:
            emptied |= let_go(parent, self.remote, keep_parents=False)
        return emptied


class Along:
    """Finds what goes along."""

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._database = DatabaseCascades(remote)

    def rows(self, going: Going) -> list[Model]:
        """Return the rows of other objects that go with a row, and with those of its parents that go apart from it.

        Raises:
            ProtectedError, RestrictedError: it cannot be deleted.
            ObjectNotApplied: a key cannot be looked up, so that nobody knows whether LOCAL still has the row.
        """
        with hangers_told(going.row, self._remote):
            along = list(taken_along(going.row, self._remote, keep_parents=going.is_alone))
            for parent in going.apart:
                more = taken_along(parent, self._remote, keep_parents=False)
                along += [instance for instance in more if not is_part_of(instance, going.row)]
            along += self._database.taken_along(going.row, along, keep_parents=going.is_alone)
        require_hashable(along, self._remote)
        return along
