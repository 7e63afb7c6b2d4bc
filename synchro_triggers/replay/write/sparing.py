"""What a delete must not take along: rows that LOCAL still has. They point elsewhere first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model, ProtectedError, RestrictedError

from ...conf import LOCAL
from ..errors import NotYet
from ..identity.living import Living
from ..plan.cascades import hanging_loosely, protecting_rows
from ..plan.order import At, at_of
from ..schema.shape import shape_of
from .dangling import Dangling
from .going import Along, Going
from .parts import Parts
from .rings import Rings


class Sparing:
    """Lets what a delete would take along, and LOCAL still has, point to what it points to on LOCAL.

    The rest of it stays as it is: nobody has changed it on LOCAL, but the remote's users may have.

    Args:
        parts: the batch's parts.
        living: tells what LOCAL still has.
        along: tells what goes along.
        point: lets the remote row of a local object point to what that one points to.
        rings: cuts rings of deleted objects.
    """

    def __init__(self, parts: Parts, living: Living, along: Along, point: Callable[..., None], rings: Rings) -> None:
        self._parts, self._living, self._along = parts, living, along
        self._point, self._rings = point, rings
        self._dangling = Dangling(parts.target.remote, parts.matching.match)

    @contextmanager
    def spared(self, going: Going) -> Iterator[list[Model]]:
        """Spare the living for as long as the block, which deletes the row, takes.

        Yields:
            What the delete takes along then.

        Raises:
            NotYet: something that LOCAL still has would be taken along all the same: on LOCAL, too, it points to what
                is there, or must have a constraint.
            ProtectedError, RestrictedError: something protects the row.
        """
        with self._dangling.put_back():
            yield self._spare(going)

    def _spare(self, going: Going) -> list[Model]:
        pointed: set[At] = set()
        while True:
            protection: Exception | None = None
            protecting: Iterable[Any] = ()
            try:
                along = self._along.rows(going)
            except (ProtectedError, RestrictedError) as error:
                # Nobody says through which rows: what points nowhere on LOCAL may be between.
                along = list(hanging_loosely(going.row, self._parts.target.remote))
                protecting, protection = protecting_rows(error), error
            living = self._living.among([*along, *protecting])
            new = [instance for instance in living if at_of(instance) not in pointed]
            for instance in new:
                pointed.add(at_of(instance))
                self._point(instance)
            if new or self._dangling.set_aside(living):
                continue
            if protection is None:
                for instance in living:
                    label = shape_of(type(instance)).label
                    raise NotYet(f"its deletion would take {label} {instance.pk!r} along, which {LOCAL!r} still has")
                return along
            if not self._dangling.let_go_of_itself(going.row) and not self._rings.cut(going.row, protecting):
                raise protection

    def would_go_along(self, going: Going, gone: set[At]) -> list[Model]:
        """Return what a delete would take along, in a dry run: what else would be deleted or moved is still there.

        Args:
            going: the row.
            gone: root models and remote keys of what would have been deleted so far.
        """
        identity = self._parts.identity
        try:
            along = self._along.rows(going)
        except (ProtectedError, RestrictedError) as error:
            staying = [at for at in map(at_of, protecting_rows(error)) if at not in gone]
            if any(identity.claimed_by(*at) is None for at in staying):
                raise
            return []  # what protects it has moved away on LOCAL, or is deleted too
        living = self._living.keys_of(along)
        return [
            instance
            for instance in along
            if (at := at_of(instance)) not in living and not identity.log.is_going(at[0], identity.claimed_by(*at))
        ]
