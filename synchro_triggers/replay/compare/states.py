"""The state of each object that is not the same: whether that is explained, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from ...conf import local_alias
from ..identity.reference_table import ReferenceTable, Stored, text_of
from ..identity.telling import keeps_key
from ..schema.keys import FormerKey
from ..schema.shape import family_labels, read_key, shape_of
from .explained import Way
from .report import Finding, State
from .sides import Sides

#: A state, and what else there is to say of it.
Explanation = tuple[State, str]

UNEXPLAINED: Explanation = (State.DIFFERS, "")


class States:
    """Explains what was found of the objects of one root model.

    Args:
        ways: from LOCAL to the remote, and the way back, if there is one.
    """

    def __init__(self, sides: Sides, ways: tuple[Way, Way | None], root: type[Model]) -> None:
        self._remote, self._kept_keys = sides.remote, sides.kept_keys
        self._table = ReferenceTable(sides.remote, sides.source, sides.target)
        self._pair = {sides.source, sides.target}
        self._ways, self._root = ways, root

    def of(self, found: Sequence[Finding]) -> list[Explanation]:
        """Return the state of each."""
        there, back = self._ways
        references = self._references(found)
        keys = [self._local_keys(each, references) for each in found]
        remote_keys = [self._remote_keys(each, references) for each in found]
        states = [UNEXPLAINED] * len(found)
        for number, each in enumerate(found):
            if any(reference.remote_won for reference in references.get(self._at(each), ())):
                states[number] = State.CONFLICT, _("both sides changed it, and one side's version was kept")
        for way, those in ((there, keys), (back, remote_keys)):
            if way is not None:
                self._explain(way, those, states)
        return states

    def _explain(self, way: Way, keys: Sequence[Sequence[Any]], states: list[Explanation]) -> None:
        """Put what a way knows of keys into the states: a kept failure tells more than that something is pending."""
        asked = {key for some in keys for key in some}
        living = {key for key in asked if not isinstance(key, FormerKey)}
        labels = family_labels(self._root)
        pending, kept = way.pending(self._root, labels, living), way.kept(self._root, labels, asked)
        for number, some in enumerate(keys):
            error = next((kept[key] for key in some if key in kept), None)
            if error is not None:
                states[number] = State.KEPT, error
            elif not pending.isdisjoint(some) and states[number][0] is not State.KEPT:
                states[number] = State.PENDING, way.why_pending

    def _references(self, found: Iterable[Finding]) -> dict[tuple[str, str], list[Stored]]:
        """Return the references of objects, by alias and key as stored. Backwards ones are among them."""
        local = {text_of(each.key): each for each in found if each.key is not None}
        remote = {text_of(each.remote_key): each for each in found if each.key is None}
        by: dict[tuple[str, str], list[Stored]] = {}
        if local:
            for stored in self._table.named(self._remote, self._root, {self._table.source}, local):
                if not stored.ended:
                    by.setdefault((local_alias(), stored.local_pk), []).append(stored)
            for stored in self._backwards(self._table.to_rows(local_alias(), self._root, local)):
                by.setdefault((local_alias(), stored.local_pk), []).append(stored)
        if remote:
            for stored in self._table.to_rows(self._remote, self._root, remote):
                by.setdefault((self._remote, stored.remote_pk), []).append(stored)
            for stored in self._backwards(self._table.named(local_alias(), self._root, {self._table.target}, remote)):
                by.setdefault((self._remote, stored.remote_pk), []).append(stored)
        return by

    def _backwards(self, rows: Iterable[Stored]) -> list[Stored]:
        """Return LOCAL's references to what the remote has made as if they were the remote's to what LOCAL has."""
        theirs = (each for each in rows if each.source == self._table.target and not each.is_gone)
        return [_turned(each) for each in theirs if not each.ended]

    def _local_keys(self, found: Finding, references: dict[tuple[str, str], list[Stored]]) -> list[Any]:
        """Return the keys under which LOCAL's log may speak of an object: of one that is gone there, by references."""
        if found.key is not None:
            return [found.key]
        own = [each for each in references.get(self._at(found), ()) if each.source in self._pair]
        known = [stored.local_key(self._root) for stored in own]
        if keeps_key(shape_of(self._root), self._kept_keys):
            known.append(found.remote_key)
        return known

    def _remote_keys(self, found: Finding, references: dict[tuple[str, str], list[Stored]]) -> list[Any]:
        """Return the keys under which the remote's log may speak of an object."""
        if found.remote_key is not None:
            return [found.remote_key]
        there = [each for each in references.get(self._at(found), ()) if not each.is_gone]
        return [read_key(self._root, stored.remote) for stored in there]

    def _at(self, found: Finding) -> tuple[str, str]:
        alias, key = (local_alias(), found.key) if found.key is not None else (self._remote, found.remote_key)
        return alias, text_of(key)


def _turned(stored: Stored) -> Stored:
    """Return a backwards reference as if it were a forward one."""
    return stored._replace(
        local_pk=stored.remote_pk,
        local_text=stored.remote_text,
        remote_pk=stored.local_pk,
        remote_text=stored.local_text,
    )
