"""What an overridden ``save()`` has made of the values that it was given: read back, and mended past it.

``save()`` of a model may make values anew, or write its row once more. What receivers of the signals change is the
remote's own business and stays; what ``save()`` has changed before them or after them would leave the two sides
different, so it is written again, once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.signals import post_save

from ...django_inside.receivers import can_withhold, watched
from ...exceptions import ObjectNotApplied
from ..rows.selecting import rows_of
from ..rows.statements import update_rows
from ..rows.values import differing, local_value, set_values, value_to_write
from ..schema.observed import saves_are_heard
from ..schema.shape import Shape, Table, shape_of, tables_of
from .many_rows import key_parts
from .own_methods import way_past


class ReadBack:
    """One save of one object whose model overrides how it is saved.

    Args:
        instance, shape: the object, with the values that it shall have.
        wrote_more: tells whether more was written to its table, since it began, than one save does.
        field: only this one shall change, and the others stay as they are stored; ``None``: all of them.
    """

    def __init__(
        self, instance: Model, shape: Shape, alias: str, wrote_more: Callable[[], bool], *, field: Any = None
    ) -> None:
        self._instance, self._shape, self._alias, self._wrote_more = instance, shape, alias, wrote_more
        self._is_heard = saves_are_heard(shape.model)
        self._key = self._key_before = instance.pk
        self._meant = self._values()
        if field is not None and (stored := self._read()) is not None:
            here = {each.attname: local_value(stored, each) for each in shape.copied}
            self._meant = here | {field.attname: self._meant[field.attname]}
        self._before: dict[str, Any] = {}
        self._by_receivers: dict[str, Any] = {}

    def save(self, save: Callable[[], None], *, must_be_there: bool) -> tuple[str, ...]:
        """Save the object; return the attribute names of what differs although it was written again.

        Args:
            save: saves it.
            must_be_there: nothing else than ``save()`` can be the reason where its row is not there then.

        Raises:
            ObjectNotApplied: ``save()`` has given it another key, or has not written it.
        """
        label = self._shape.label
        with watched(self) if self._is_heard else nullcontext():
            save()
        if self._key is not None and self._instance.pk != self._key:
            raise ObjectNotApplied(f"save() has given it the key {self._instance.pk!r} instead; {way_past(label)}")
        there = self._read()
        if there is None and must_be_there:
            raise ObjectNotApplied(f"save() has written no row; {way_past(label)}")
        more = self._wrote_more()
        if there is None or not (wrong := self._wrong(there, more)):
            return ()
        self._write(wrong)
        there = self._read()
        return tuple(self._wrong(there, more)) if there is not None else ()

    # What receivers do ----------------------------------------------------------------------------

    def before(self, *, instance: Any, **told: Any) -> None:
        """Receivers are about to be called."""
        if instance is self._instance:
            self._before, self._key_before = self._values(), instance.pk

    def after(self, *, signal: Any, instance: Any, **told: Any) -> None:
        """Receivers have been called: what has changed meanwhile they have changed."""
        if instance is not self._instance:
            return
        if instance.pk != self._key_before:
            self._key = instance.pk
        now = self._values()
        changed = {name for name in now.keys() - _plain(now) if now[name] is not self._before[name]}
        changed |= set(differing(instance, {name: self._before[name] for name in _plain(self._before, now)}))
        self._by_receivers |= {name: now[name] for name in changed}
        if signal is post_save and self._wrote_more() and (there := self._read()) is not None:
            written = differing(there, {name: now[name] for name in _plain(now)})
            stored = {field.attname: local_value(there, field) for field in self._shape.copied}
            self._by_receivers |= {name: stored[name] for name in written}

    def _wrong(self, there: Model, more: bool) -> list[str]:
        if self._is_heard and not can_withhold():
            return []  # nobody knows who has changed it
        return [name for name in differing(there, self._meant) if not self._is_of_receivers(there, name, more)]

    def _is_of_receivers(self, there: Model, name: str, more: bool) -> bool:
        """Tell whether a value is what receivers have made, as the database has it, and nothing was written since.

        Args:
            more: more was written than one save does.
        """
        made = self._by_receivers
        return name in made and not (more and _plain({name: made[name]}) and differing(there, {name: made[name]}))

    # Reading and writing --------------------------------------------------------------------------

    def _values(self) -> dict[str, Any]:
        return {field.attname: value_to_write(self._instance, field) for field in self._shape.copied}

    def _read(self) -> Model | None:
        found: list[Model] = list(_rows(self._shape, self._alias).filter(pk=self._instance.pk))
        return found[0] if found else None

    def _write(self, names: Collection[str]) -> None:
        wrong = [field for field in self._shape.copied if field.attname in names]
        for table, key in self._rows_of_it():
            if fields := [field for field in wrong if field in table.model._meta.local_concrete_fields]:
                values = [self._meant[field.attname] for field in fields]
                update_rows(self._alias, table.model, table.key, fields, [[*key, *values]])
        set_values(self._instance, {name: self._meant[name] for name in names})

    def _rows_of_it(self) -> Iterator[tuple[Table, Sequence[Any]]]:
        """Yield the tables in which the object lies, and what its key is there: some parents have one of their own."""
        shape, instance = self._shape, self._instance
        rows = [(shape, instance.pk)]
        rows += [(shape_of(each.model), instance.__dict__[each.link.attname]) for each in shape.other_parents]
        for each, key in rows:
            for table in tables_of(each):
                yield table, key_parts(each, key)


def _plain(*values: dict[str, Any]) -> set[str]:
    """Return the names whose values are no expressions, which only the database can compute."""
    return {name for name in values[0] if not any(hasattr(each[name], "resolve_expression") for each in values)}


@cache
def _rows(shape: Shape, alias: str) -> QuerySet[Any]:
    """Return the query for the copied columns, which takes longer to put together than the database takes to answer."""
    return rows_of(shape.model, alias).only(*(field.name for field in shape.copied))
