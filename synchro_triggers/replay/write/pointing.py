"""Rows that point to what is deleted, or taken over by another object: they point to what they point to on LOCAL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import printable_key
from ..errors import BatchBroken, reraise_if_hopeless
from ..plan.cascades import hanging_loosely, pointing_past_cascades
from ..rows.selecting import rows_of
from ..rows.utc import zone_of
from ..rows.values import local_value, new_instance
from ..schema.keys import FormerKey
from ..schema.relations import may_be_pointed_past
from ..schema.shape import read_key, root_of, shape_of
from ..state.failures import describe
from ..tasks import At, ObjectTask
from .known import Known


class Pointing:
    """Lets rows point elsewhere.

    Args:
        point: lets the remote row of a local object point to what that one points to, by one foreign key, by those
            that lead to some rows, or by all.
    """

    def __init__(self, known: Known, point: Callable[..., None], *, dry_run: bool) -> None:
        self._identity, self._living, self._targets = known.identity, known.matching.living, known.targets
        self._remote, self._point, self._dry_run = known.remote, point, dry_run

    def to_who_has_the_number(self, row: Model) -> None:
        """Let what points to a row, and is left alone by its delete, point to the object that has its number now."""
        for living in self._living.among(pointing_past_cascades(row, self._remote)):
            self._point(living, going=[row])

    def past_what_is_gone(self, task: ObjectTask) -> None:
        """Let what points to a row that the remote's users have deleted point to who has its number on LOCAL now."""
        gone = self._identity.stale_reference(task.shape.model, task.key)
        if gone is None or not isinstance(task.key, FormerKey) or self._dry_run:
            return
        if not rows_of(task.shape.root, self._remote).filter(pk=gone).exists():  # nor have they given it again
            self.to_who_has_the_number(new_instance(task.shape, self._remote, gone, {}))

    def past(self, row: Model, former: Any) -> None:
        """Let what points to a row that another object has taken over point to what it points to on LOCAL.

        That may be nothing: no database minds where a generic key leads, or one without a constraint.

        Args:
            former: the local key of the object that had it, and is gone.

        Raises:
            BatchBroken: something cannot, so that the row must not be taken over either.
        """
        if self._dry_run or not may_be_pointed_past(type(row)):
            return
        root = root_of(type(row))
        key = read_key(root, former.number, zone_of(local_alias())) if isinstance(former, FormerKey) else former
        self._targets.look_whether_missing((root, key))
        leading = [*pointing_past_cascades(row, self._remote), *hanging_loosely(row, self._remote)]
        for living in self._living.among(leading):
            shape = shape_of(type(living))
            if all(at != (root, key) for _, at in self._targets.fields_and_targets(shape, living)):
                continue
            said = f"{shape.label} {printable_key(encode_key(living.pk))}, which leads to what had its row"
            self._point_or_break(f"{said}, cannot lead elsewhere", living, going=[row])

    def again(self, emptied: Mapping[Any, list[Model]]) -> None:
        """Let rows whose foreign keys a delete has emptied point to what LOCAL has them point to.

        Raises:
            BatchBroken: one cannot, so that the delete must not stay either.
        """
        for field, rows in emptied.items():
            unreadable: dict[At, Exception] = {}
            for living in self._living.among(rows, unreadable):
                if local_value(living, field) is not None:
                    at = shape_of(type(living)).model, living.pk
                    self._point_or_break(_would_empty(field, at), living, field)
            for at, reason in unreadable.items():  # nobody knows what it points to
                raise BatchBroken(f"{_would_empty(field, at)}: {describe(reason)}") from reason

    def _point_or_break(self, said: str, living: Model, *chosen: Any, going: Collection[Model] = ()) -> None:
        try:
            self._point(living, *chosen, going=going)
        except Exception as error:
            reraise_if_hopeless(error, self._remote)
            raise BatchBroken(f"{said}: {describe(error)}") from error


def _would_empty(field: Any, at: At) -> str:
    """Say that a delete would empty a foreign key of an object which LOCAL still has."""
    model, key = at
    return (
        f"its deletion would empty {field.name} of {model._meta.label} {printable_key(encode_key(key))}, "
        f"which {local_alias()!r} still has"
    )
