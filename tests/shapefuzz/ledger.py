"""What receivers, ``save()`` methods and triggers have written: the oracle accounts for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import connections, transaction
from django.db.models import Model, QuerySet

from tests.shapefuzz.content import plain

Place = tuple[str, str, str, str]
"""Alias, label, mark, and field, or nothing for the row itself."""

#: The values that were written since ``forget``, rolled back or not; and those that were committed.
WRITTEN: dict[Place, list[Any]] = defaultdict(list)
COMMITTED: dict[Place, list[Any]] = defaultdict(list)

#: Label and mark of LOCAL's rows that were written since the last run that was judged, maybe with what they held.
TOUCHED: set[tuple[str, str]] = set()

#: Who was called since ``forget``, and on which database.
HEARD: set[tuple[str, str]] = set()

_count = 0


class Refusal(Exception):
    """What a receiver raises that does not like an object."""


def forget() -> None:
    """Begin anew: a run is about to begin."""
    WRITTEN.clear()
    COMMITTED.clear()
    HEARD.clear()


def note(place: Place, value: Any) -> None:
    """Note what is being written."""
    WRITTEN[place].append(value)
    transaction.on_commit(lambda: _commit(place, value), using=place[0])


def _commit(place: Place, value: Any) -> None:
    alias, label, mark, _ = place
    COMMITTED[place].append(value)
    if alias == "default":
        TOUCHED.add((label, mark))


def note_touched(alias: str, model: type[Model], marks: Iterable[str]) -> None:
    """Note that rows are being written by hand: twice, they may hold what they held, and are replayed all the same."""
    if alias == "default":
        places = {(model._meta.label, mark) for mark in marks}
        transaction.on_commit(lambda: TOUCHED.update(places), using=alias)


def letter(model: type[Model]) -> str:
    return model._meta.concrete_model.__name__.lower()


def mark_of(instance: Model) -> str:
    """Return the name by which the oracle knows an object."""
    return str(getattr(instance, f"mark_{letter(type(instance))}"))


def touch(sender: Model, other: type[Model], using: str, *, by_save: bool = False, path: str = "") -> None:
    """Write into a row of another model: that which a foreign key of the sender leads to, or the first."""
    rows = QuerySet(other, using=using).order_by("pk")
    if path:
        rows = rows.filter(pk=getattr(sender, path))
    row = rows.first()
    if row is None:
        return
    name, value = f"note_{letter(other)}", f"r:{mark_of(sender)}"
    if by_save and hasattr(row, "SKIPS") and is_skipped(row, using):
        return
    note((using, other._meta.label, mark_of(row), name), value)
    if by_save:
        setattr(row, name, value)
        row.save(using=using)
        note((using, other._meta.label, mark_of(row), name), getattr(row, name))  # of what its save() has made
        note_what_renews_itself(row, using)
    else:
        QuerySet(other, using=using).filter(pk=row.pk).update(**{name: value})


def note_what_renews_itself(row: Model, using: str) -> None:
    """Note the times that ``save()`` has set to now: Django does, not the one who saves."""
    for field in row._meta.concrete_fields:
        if getattr(field, "auto_now", False):
            table = field.model._meta.concrete_model
            mark = str(getattr(row, f"mark_{letter(table)}"))
            note((using, table._meta.label, mark, field.attname), plain(getattr(row, field.attname)))


def set_own(instance: Model, using: str) -> None:
    """Write into the instance itself, before it is saved."""
    name, value = f"note_{letter(type(instance))}", f"r:{mark_of(instance)}"
    note((using, instance._meta.concrete_model._meta.label, mark_of(instance), name), value)
    setattr(instance, name, value)


def add_journal(sender: Model, journal: type[Model], using: str) -> None:
    """Make a row of another model."""
    global _count
    _count += 1
    name = f"{'jl' if using == 'default' else 'jr'}{_count}"
    note((using, journal._meta.label, name, ""), "made")
    journal(**{f"mark_{letter(journal)}": name, f"note_{letter(journal)}": mark_of(sender)}).save(using=using)


def sweep(sender: Model, other: type[Model], using: str) -> None:
    """Delete the journal's rows about an object."""
    for row in QuerySet(other, using=using).filter(**{f"note_{letter(other)}": mark_of(sender)}):
        note((using, other._meta.label, mark_of(row), ""), "deleted")
        row.delete(using=using)


def refuse(instance: Model, using: str) -> None:
    """Refuse some objects, on the remote only."""
    if using == "remote" and mark_of(instance).endswith("3"):
        raise Refusal(f"{mark_of(instance)} is refused")


def heard(name: str, using: str) -> None:
    """Note that a receiver, or a ``save()``, was called."""
    HEARD.add((name, using))


def spell(instance: Model, using: str | None) -> None:
    """Let ``save()`` write something else into the instance itself on each side: only LOCAL's is to be there."""
    setattr(instance, f"note_{letter(type(instance))}", f"s:{using or 'default'}:{mark_of(instance)}")


def spell_past_it(instance: Model) -> None:
    """Write something else into the row of an instance that ``save()`` has written."""
    using = instance._state.db
    spell(instance, using)
    name = f"note_{letter(type(instance))}"
    QuerySet(type(instance), using=using).filter(pk=instance.pk).update(**{name: getattr(instance, name)})


def is_skipped(instance: Model, using: str | None) -> bool:
    """Tell whether ``save()`` is to write nothing: of some objects, on the remote only."""
    return using == "remote" and mark_of(instance).endswith("7")


def is_sqlite(alias: str) -> bool:
    return connections[alias].vendor == "sqlite"
