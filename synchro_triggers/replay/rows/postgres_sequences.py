"""Sequences of automatic keys, moved on past the keys that a run has written by value: forward, and no step too far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import strip_quotes
from django.db.models import Model

from .other import Statements

#: Up to so many steps ``nextval()`` takes one by one, in some hundredths of a second.
_STEPS_AT_ONCE = 100_000

_SEQUENCES = """
SELECT s.seqrelid, s.seqincrement, s.seqmin, s.seqmax, format('%%I.%%I', n.nspname, c.relname)
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  JOIN pg_catalog.pg_depend p
    ON (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass)
    OR (p.deptype = 'i' AND p.classid = 'pg_class'::regclass AND p.refclassid = 'pg_class'::regclass
        AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum)
  JOIN pg_catalog.pg_sequence s
    ON s.seqrelid = CASE WHEN p.classid = 'pg_attrdef'::regclass THEN p.refobjid ELSE p.objid END
  JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attrelid = to_regclass(%s) AND a.attname = %s AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Sequence:
    """Where a sequence stands, and how it goes on.

    Attributes:
        last: the last value that it gave out; the next one where it has given out none.
        called: whether ``last`` was given out.
        step: the difference of two values; negative in one that counts down.
        lowest, highest: the limits of its values.
    """

    last: int
    called: bool
    step: int
    lowest: int
    highest: int

    def steps_past(self, keys: Collection[int]) -> int:
        """Return how many values must be given out, so that none of ``keys`` is one that it still has to give out.

        Keys that it never comes to do not matter: those behind it, those between its steps (odd and even numbers, one
        kind for each side), those beyond its limits.
        """
        first = self.last + self.step if self.called else self.last
        ahead = [
            (key - first) // self.step
            for key in keys
            if self.lowest <= key <= self.highest and (key - first) % self.step == 0
        ]
        return max(max(ahead, default=-1) + 1, 0)


class PostgresSequences(Statements):
    def move_sequences_on(
        self, connection: BaseDatabaseWrapper, written: Mapping[type[Model], Collection[int]]
    ) -> None:
        """Let next inserts find a free key after automatic keys were written by value.

        ``setval()`` writes what it is told, also when others have been given higher values meanwhile, which their
        transactions may not have committed: their keys would be given out again. It is asked for ``max(id)`` usually,
        which does not see those, forgets what was given out and deleted, and brings odd and even sequences out of
        step. No lock helps: what ``ALTER SEQUENCE`` takes would wait for every transaction that has inserted
        (``lock_and_open_sequence()`` in ``commands/sequence.c``: ``nextval()`` holds its lock to the end of the
        transaction). But ``nextval()`` itself can only go forward, in the sequence's own steps, whoever else calls
        it: so it is called until the keys lie behind. Only a very far jump is made by ``setval()``: to be moved back
        by it, others would have to take a hundred thousand values between two expressions of one statement.
        """
        for model, keys in written.items():
            _move_on(connection, model, keys)

    def reserve_keys(self, connection: BaseDatabaseWrapper, model: type[Model], number: int) -> list[int]:
        found = _sequences_of(connection, model)
        if not found:
            return []
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(%s::oid::regclass) FROM generate_series(1, %s)", [found[0][0], number])
            return [key for (key,) in cursor.fetchall()]

    def yet_to_give(self, connection: BaseDatabaseWrapper, model: type[Model], keys: Collection[int]) -> set[int]:
        """Return those keys that a sequence has still to give out."""
        found: set[int] = set()
        for _, step, lowest, highest, name in _sequences_of(connection, model):
            sequence = _where_it_stands(connection, name, step, lowest, highest)
            found.update(key for key in keys if sequence.steps_past([key]))
        return found


def _sequences_of(connection: BaseDatabaseWrapper, model: type[Model]) -> list[Any]:
    """Return the sequences of the key's column: of its default, whoever owns it, or of its identity."""
    key: Any = model._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [connection.ops.quote_name(model._meta.db_table), strip_quotes(key.column)])
        return list(cursor.fetchall())


def _move_on(connection: BaseDatabaseWrapper, model: type[Model], keys: Collection[int]) -> None:
    for oid, step, lowest, highest, name in _sequences_of(connection, model):
        steps = _where_it_stands(connection, name, step, lowest, highest).steps_past(keys)
        with connection.cursor() as cursor:
            if steps > _STEPS_AT_ONCE:
                cursor.execute(
                    "SELECT setval(%s::oid::regclass, nextval(%s::oid::regclass) + %s)", [oid, oid, (steps - 1) * step]
                )
            elif steps:
                cursor.execute("SELECT count(nextval(%s::oid::regclass)) FROM generate_series(1, %s)", [oid, steps])


def _where_it_stands(connection: BaseDatabaseWrapper, name: str, step: int, lowest: int, highest: int) -> Sequence:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT last_value, is_called FROM {name}")
        last, called = cursor.fetchone()
    return Sequence(last, called, step, lowest, highest)
