"""How commands print objects that are kept as failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from ..conf import LOCAL
from ..models import Operation
from ..replay.on_record.kept import KeptInFull, KeptObject
from ..replay.on_record.senders import OfOthers, Sender
from .differences import value_shown

#: What is to be done with an object, in a word that stays the same in all languages.
_WHAT: dict[str, str] = {Operation.INSERT: "insert", Operation.UPDATE: "update", Operation.DELETE: "delete"}

T = TypeVar("T")

#: What was found of senders, by the names of those who have sent it.
Found = Mapping[Sender, Mapping[str, Sequence[T]]]


def lines_of_list(told: Found[KeptObject], others: Mapping[str, int]) -> Iterator[str]:
    """Yield what is kept, by who has sent it.

    Args:
        told: what was found.
        others: how many are kept here of what has come from each remote, and (``""``) from nodes that are none, where
            that was not looked at.
    """
    for sender, by_name in told.items():
        for name, kept in by_name.items():
            yield _number_kept(sender, name, len(kept))
            for each in kept:
                yield f"  {each.id}: {each.model} {each.key}: {each.error}"
                yield f"    {_what(each)}, {_times(each)}"
            if others.get(name):
                yield f"  and {others[name]:,} here of what has come from there: --pull lists them"
    if number := others.get(""):
        yield f"{number:,} kept here of what has come from a node that is no remote: --pull lists them"
    if not any(told.values()):
        yield "Nothing is kept here."


def lines_in_full(shown: Found[KeptInFull]) -> Iterator[str]:
    """Yield kept objects with their values, and what waits for them."""
    for sender, by_name in shown.items():
        for name, found in by_name.items():
            if not found:
                yield _number_kept(sender, name, 0)
            for each in found:
                yield from _lines_of_object(each, sender.keeps, sender.source_of(name))


def _lines_of_object(each: KeptInFull, keeps: str, source: str) -> Iterator[str]:
    kept = each.kept
    there = f"there {each.remote_key}" if each.remote_key else "not known there"
    yield f"{keeps} {kept.id}: {kept.model} {kept.key} of {source} ({there}): {_what(kept)}"
    yield f"  {kept.error}"
    yield f"  {_times(kept)}"
    for field, differs in each.fields:
        here, value = value_shown(field.local), value_shown(field.remote)
        both = f"{here} on {source!r}, {value} on {keeps!r}"
        yield f"  {'*' if differs else ' '} {field.field}: {both if differs else here}"
    if each.number_waiting:
        yield f"  waited for by {_some(each)}"


def lines_of_dropped(dropped: Found[KeptInFull]) -> Iterator[str]:
    """Yield what was forgotten, and what becomes of it."""
    operations = set()
    for sender, by_name in dropped.items():
        for name, found in by_name.items():
            if not found:
                yield _number_kept(sender, name, 0)
            changed = "there" if isinstance(sender, OfOthers) else f"on {sender.source_of(name)!r}"
            for each in found:
                kept = each.kept
                operations.add(kept.operation)
                yield f"{sender.keeps}: {kept.model} {kept.key}: forgotten; {_what_stays(each, sender.keeps, changed)}."
                if each.number_waiting:
                    yield f"  What waits for it stays kept, and brings it along: {_some(each)}"
    if operations:
        yield "`manage.py synchro_compare` names what differs from now on" + _what_repairs(operations)


def _number_kept(sender: Sender, name: str, number: int) -> str:
    if isinstance(sender, OfOthers):
        return f"node {name}, which is no remote of this project: {number:,} kept of what has come from there"
    return f"{name}: {number:,} kept{' of what has come from there' if sender.keeps == LOCAL else ''}"


def _what(kept: KeptObject) -> str:
    return _WHAT.get(kept.operation, kept.operation) or "nothing"


def _times(kept: KeptObject) -> str:
    following = f"{kept.next_at:%Y-%m-%d %H:%M:%S}" if kept.next_at else "with the next run"
    waits = f", waits for {kept.waits_for}" if kept.waits_for else ""
    return (
        f"{kept.attempts} attempts, first {kept.first_at:%Y-%m-%d %H:%M:%S}, "
        f"last {kept.last_at:%Y-%m-%d %H:%M:%S}, next {following}{waits}"
    )


def _some(each: KeptInFull) -> str:
    more = each.number_waiting - len(each.waiting)
    return ", ".join(each.waiting) + (f" and {more:,} more" if more else "")


def _what_repairs(operations: set[str]) -> str:
    if operations == {"D"}:
        return "; --repair logs no delete: what shall not stay there, delete there."
    return f", and --repair logs it to be sent after all{', but no delete' if 'D' in operations else ''}."


def _what_stays(each: KeptInFull, keeps: str, changed: str) -> str:
    if each.kept.operation == "D":
        return f"its row stays on {keeps!r}, and nothing deletes it any more"
    if each.remote_key is None:
        return f"it comes to {keeps!r} when it changes again {changed}"
    return f"{each.remote_key} on {keeps!r} stays as it is, until it changes again {changed}"
