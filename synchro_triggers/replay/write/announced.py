"""Models of ``SYNCHRO_BATCH_SIGNALS``: receivers hear of many objects, then come one write for all, and the rest of it.

What a receiver writes meanwhile must end as if the objects were written one by one: what is read ahead is forgotten,
the remote's own fields are not written over, and objects on which receivers have worked that are written later get
LOCAL's values all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db import IntegrityError
from django.db.models import Model
from django.db.models.signals import post_delete, pre_delete

from ..plan.context import RunContext
from ..plan.decisions import Decision, is_equal
from ..rows.selecting import instances_of, rows_with
from ..rows.statements import RowsVanished, update_rows
from ..rows.values import create_instances, differing, local_value, new_instance, same_value, set_values, value_to_write
from ..schema.shape import Shape
from .clock import Clock
from .known import Known
from .many_rows import give_free_values, key_parts, reserve_keys
from .outcomes import Outcomes
from .receivers import Receivers, send_delete, send_post_save, send_pre_save

#: Objects that are announced at once where it is not known yet how long receivers take.
_FIRST = 5


class ReceiversWrote(Exception):
    """A receiver has changed what was about to be written: the objects must come one by one."""


class Announced:
    """Writes objects of one batch, announced many at a time.

    Attributes:
        written_to: models to whose tables receivers have written.
    """

    def __init__(
        self, context: RunContext, known: Known, receivers: Receivers, outcomes: Outcomes, clock: Clock
    ) -> None:
        self._context, self._remote, self._read_ahead = context, context.remote, known.rows
        self._receivers, self._outcomes, self._clock = receivers, outcomes, clock
        self.written_to: set[type[Model]] = set()
        self._started = 0.0
        self.sends = receivers.sends_signals
        self.is_time_up = clock.is_up

    def create(self, shape: Shape, some: Sequence[Decision]) -> Sequence[Decision]:
        """Insert new objects; return those for which there was time, with the keys that they have got."""
        reserve_keys(self._context, shape, some)
        instances = [
            new_instance(shape, self._remote, each.remote_key, _by_attname(shape, each.values)) for each in some
        ]
        some = some[: self._insert(shape, instances)]
        for each, instance in zip(some, instances, strict=False):
            if each.remote_key is not None:
                self._outcomes.note_given_keys(shape, [each.remote_key])
            each.remote_key = instance.pk
        return some

    def _insert(self, shape: Shape, instances: Sequence[Any]) -> int:
        """Insert new instances; return how many of them there was time for."""
        announced = self.before(instances, partial(send_pre_save, using=self._remote), shape.model)
        # Before the write: where fewer rows come back, Django 6.1 gives instances the keys of others.
        keys = [instance.pk for instance in announced]
        create_instances(announced, shape, self._remote)
        redirects = self._context.redirects
        if redirects.concern(shape.model):
            redirects.require(shape, keys)
        self._send_post_save(shape, announced, created=True)
        self.done(len(announced), shape.model)
        return len(announced)

    def update(self, shape: Shape, some: Sequence[Decision]) -> Sequence[Decision]:
        """Update rows; return those for which there was time.

        Raises:
            RowsVanished: one is gone.
            ReceiversWrote: receivers of ``pre_save`` have changed those rows.
        """
        rows = self._read_ahead
        rows.load(shape.model, [each.remote_key for each in some])
        instances: list[Any] = [rows.take(shape.model, each.remote_key) for each in some]
        for each, instance in zip(some, instances, strict=True):
            if instance is None:
                raise RowsVanished(f"{shape.label} {each.remote_key!r} is gone")
        return some[: self._update(shape, instances, [_by_attname(shape, each.values) for each in some])]

    def update_apart(self, shape: Shape, some: Sequence[Decision]) -> Sequence[Decision]:
        """Update rows that want unique values of one another: they get values that nobody has first.

        Raises:
            IntegrityError: there was no time for all of them.
        """
        give_free_values(self._remote, shape, some)
        self._read_ahead.forget({None})
        went = self.update(shape, some)
        if len(went) < len(some):
            raise IntegrityError("no time to hand on unique values")
        return went

    def _update(self, shape: Shape, instances: Sequence[Any], values: Sequence[dict[str, Any]]) -> int:
        """Update rows; return how many of them there was time for.

        Args:
            instances: the rows, as they are.
            values: what each shall hold, by attribute name.
        """
        skipped = [[local_value(instance, field) for field in shape.skipped] for instance in instances]
        read = [[local_value(instance, field) for field in shape.copied] for instance in instances]
        for instance, new in zip(instances, values, strict=True):
            set_values(instance, new)
        announced = self.before(instances, partial(send_pre_save, using=self._remote), shape.model)
        self._require_unchanged(shape, announced, read)
        for own, rows in _by_own_fields(shape, announced, skipped).items():
            update_rows(self._remote, shape.model, shape.key, (*shape.copied, *own), rows)
        self._send_post_save(shape, announced, created=False)
        self.done(len(announced), shape.model)
        return len(announced)

    def _require_unchanged(self, shape: Shape, announced: Sequence[Any], read: Sequence[Sequence[Any]]) -> None:
        """Raise ``ReceiversWrote`` where rows do not hold any more what was read of them."""
        if shape.model not in self.written_to:
            return
        now = self._rows(shape, announced)
        for instance, stored in zip(announced, read, strict=False):
            row = now.get(instance.pk)
            if row is None or not is_equal(shape, row, stored):
                raise ReceiversWrote(f"{shape.label} {instance.pk!r}")

    def delete(self, shape: Shape, keys: Sequence[Any], let_go: Callable[[list[Any]], None]) -> list[Any]:
        """Delete rows by primary key; return those keys for which there was time.

        Args:
            keys: their remote keys.
            let_go: deletes the links of some of them.
        """
        rows = {row.pk: row for row in instances_of(rows_with(shape.model, self._remote, pk=keys))}
        # As logged: the database returns rows in an order of its own.
        there = [rows[key] for key in keys if key in rows]
        announced = self.before(there, partial(send_delete, pre_delete, using=self._remote), shape.model)
        left = {row.pk for row in there[len(announced) :]}
        gone = [key for key in keys if key not in left]
        let_go(gone)
        rows_with(shape.model, self._remote, pk=gone)._raw_delete(self._remote)
        for row in announced:
            self.after(partial(send_delete, post_delete, using=self._remote), row, shape.model)
        self.done(len(announced), shape.model)
        return gone

    def before(self, those: Sequence[Any], send: Callable[[Any], None], model: type[Model]) -> Sequence[Any]:
        """Announce as many, one after the other, as there is time for; ``done()`` is to be called when all is done.

        How long receivers take is known from those before. Half of the time is for what comes after the write.

        Returns:
            Those that were announced, one at least.
        """
        clock = self._clock.half()
        self._started = time.monotonic()
        pace, left = self._context.paces.get(model), self._clock.left()
        if left is not None:
            those = those[: _FIRST if pace is None else max(1, int(left / max(pace, 1e-6)))]
        for number, each in enumerate(those):
            if number and clock.is_up():
                return those[:number]
            self.after(send, each, model)
        return those

    def done(self, number: int, model: type[Model]) -> None:
        """Learn from how long it has taken for so many objects."""
        if number:
            self._context.paces[model] = (time.monotonic() - self._started) / number

    def after(self, send: Callable[[Any], None], each: Any, model: type[Model]) -> bool:
        """Call receivers of something; tell whether they have written to the model's table."""
        with self._receivers.hearing() as tables:
            send(each)
        wrote = self._receivers.have_written_to(model, tables)
        if wrote:
            self.written_to.add(model)
        return wrote

    def _send_post_save(self, shape: Shape, instances: Sequence[Any], *, created: bool) -> None:
        values = [{field.attname: value_to_write(instance, field) for field in shape.copied} for instance in instances]
        wrote = False
        for instance, written in zip(instances, values, strict=True):
            if wrote:  # written one by one, this object would come after what those receivers have done to it
                self._write_again(shape, instance, written)
            wrote |= self.after(partial(send_post_save, using=self._remote, created=created), instance, shape.model)

    def _write_again(self, shape: Shape, instance: Any, values: dict[str, Any]) -> None:
        row = self._rows(shape, [instance]).get(instance.pk)
        if row is None:
            raise RowsVanished(f"{shape.label} {instance.pk!r} is gone")
        if differing(row, values):
            new = [*key_parts(shape, instance.pk), *values.values()]
            update_rows(self._remote, shape.model, shape.key, shape.copied, [new])

    def _rows(self, shape: Shape, instances: Sequence[Any]) -> dict[Any, Any]:
        rows = rows_with(shape.model, self._remote, pk=[instance.pk for instance in instances])
        return {row.pk: row for row in instances_of(rows)}


def _by_attname(shape: Shape, values: Sequence[Any]) -> dict[str, Any]:
    return {field.attname: value for field, value in zip(shape.copied, values, strict=True)}


def _by_own_fields(
    shape: Shape, instances: Sequence[Any], skipped: Sequence[Sequence[Any]]
) -> dict[tuple[Any, ...], list[list[Any]]]:
    """Return what is written of instances, by those of the remote's own fields that receivers have set on them.

    Args:
        shape, instances: what is written.
        skipped: what the remote's own fields held before.
    """
    rows: dict[tuple[Any, ...], list[list[Any]]] = {}
    for instance, stored in zip(instances, skipped, strict=False):
        own = tuple(
            field
            for field, value in zip(shape.skipped, stored, strict=True)
            if not same_value(field, value_to_write(instance, field), value)
        )
        values = (value_to_write(instance, field) for field in (*shape.copied, *own))
        rows.setdefault(own, []).append([*key_parts(shape, instance.pk), *values])
    return rows
