"""Who would notice how an object is written, what they are told, and what they write themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.db import connections
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_save, pre_save

from ...django_inside.savepoints import require_unbroken, without_savepoints
from ..rows.read_ahead import ReadAhead
from ..schema.link_shapes import LinkShape
from ..schema.observed import deletes_are_observed, is_observed, is_written_in_silence
from ..schema.relations import links_to
from ..schema.shape import parents_of
from ..tasks import ObjectTask


class Writes:
    """The statements on a connection that write, and their tables, to notice the writes of signal receivers.

    It is an ``execute_wrapper``.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._tables: list[str | None] = []
        self._own: dict[type[Model], list[str]] = {}

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = without_savepoints(str(sql))
        if not text.startswith(_READING):
            found = _WRITES.match(text)
            self._tables.append(found[1] if found else None)
        return execute(sql, params, many, context)

    def begin(self) -> None:
        """Forget what was written so far: one object comes now."""
        self._tables.clear()

    def tables(self) -> set[str | None]:
        """Return the quoted names of all tables written to since ``begin()``; ``None``: one cannot tell which."""
        return set(self._tables)

    def to_other_rows(self, model: type[Model], *, deletes: bool = False) -> set[str | None]:
        """Return to which tables was written since ``begin()``, beyond the save or delete of one object of a model.

        Returns:
            The quoted names of other tables, and of the object's own where they were written to more than once;
            ``None`` stands for statements of which one cannot tell. Of a delete, those of its links are left out.
        """
        own = self._own_tables(model)
        if self._tables == own:
            return set()
        quote = connections[self._alias].ops.quote_name
        links = {quote(field.model._meta.db_table) for field in links_to(model)} if deletes else set()
        return set(Counter(self._tables) - Counter[str | None](own)) - links

    def _own_tables(self, model: type[Model]) -> list[str]:
        if model not in self._own:
            quote = connections[self._alias].ops.quote_name
            self._own[model] = [quote(each._meta.db_table) for each in (*model._meta.all_parents, model)]
        return self._own[model]


_READING = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")


#: A name as the vendors quote it: with quotes, or with backticks.
_NAME = r"""(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`)"""


#: A statement that writes, up to the name of its table.
_WRITES = re.compile(
    r"(?:(?:INSERT|REPLACE)(?: (?:OR \w+|IGNORE))? INTO|UPDATE|DELETE(?: `[^`]+`)? FROM)"
    rf" ({_NAME}(?:\.{_NAME})?)(?:[ ;(]|$)"
)


class Receivers:
    """Who hears of what a batch writes, and what they write themselves: all foreign code is called by way of it.

    Args:
        rows: its rows that were read ahead.
        batch_signals: labels of models that are announced a batch at a time.
    """

    def __init__(self, alias: str, rows: ReadAhead, batch_signals: Container[str]) -> None:
        self._alias, self._rows, self._batch_signals = alias, rows, batch_signals
        self.writes = Writes(alias)
        self._observed: dict[tuple[type[Model], bool], bool] = {}

    def sends_signals(self, model: type[Model]) -> bool:
        """Tell whether the model's objects are announced a batch at a time.

        What lies in several tables is not: Django has no bulk write for it that leaves receivers any say.
        """
        return model._meta.label in self._batch_signals and not parents_of(model)

    def notice(self, task: ObjectTask) -> bool:
        """Tell whether somebody would notice how the task's object is written."""
        model, goes = task.shape.model, task.instance is None
        if (model, goes) not in self._observed:
            heard = is_observed(model)
            if goes and not is_written_in_silence(model):
                heard = heard or any(map(deletes_are_observed, parents_of(model)))
            self._observed[model, goes] = heard and not self.sends_signals(model)
        return self._observed[model, goes]

    @contextmanager
    def hearing(self, own: type[Model] | None = None, *, deletes: bool = False) -> Iterator[set[str | None]]:
        """Call foreign code in the block; forget what was read ahead of tables to which it writes.

        Args:
            own: the model of which one object is saved or deleted in the block: what that writes itself is left out.
            deletes: it is deleted: so are its links, which are never read ahead.

        Yields:
            A set that holds, after the block, the quoted names of those tables; ``None``: one cannot tell which.

        Raises:
            DatabaseError: a receiver has spoilt the transaction, and has not raised.
        """
        self.writes.begin()
        tables: set[str | None] = set()
        yield tables
        require_unbroken(self._alias)
        tables |= self.writes.tables() if own is None else self.writes.to_other_rows(own, deletes=deletes)
        self._rows.forget(tables)

    def have_written_to(self, model: type[Model], tables: Collection[str | None] | None = None) -> bool:
        """Tell whether the tables written to, in the block so far by default, may be a model's."""
        tables = self.writes.tables() if tables is None else tables
        return None in tables or connections[self._alias].ops.quote_name(model._meta.db_table) in tables


def send_m2m(shape: LinkShape, owner: Model, keys: set[Any], remote: str, action: str) -> None:
    """Send ``m2m_changed`` as the related manager would."""
    extra = {"raw": False} if django.VERSION >= (6, 1) else {}
    m2m_changed.send(
        sender=shape.through,
        instance=owner,
        action=action,
        reverse=False,
        model=shape.target_model,
        pk_set=keys,
        using=remote,
        **extra,
    )


def send_pre_save(instance: Any, using: str) -> None:
    """Send what ``save(using=using)`` sends before it writes."""
    pre_save.send(sender=type(instance), instance=instance, raw=False, using=using, update_fields=None)


def send_post_save(instance: Any, using: str, *, created: bool) -> None:
    """Send what ``save(using=using)`` sends when it has written; the instance is then as it would be."""
    instance._state.db = using
    instance._state.adding = False
    post_save.send(
        sender=type(instance), instance=instance, created=created, raw=False, using=using, update_fields=None
    )


def send_delete(signal: Any, instance: Any, using: str) -> None:
    """Send ``pre_delete`` or ``post_delete`` as ``delete(using=using)`` does."""
    signal.send(sender=type(instance), instance=instance, using=using, origin=instance)
