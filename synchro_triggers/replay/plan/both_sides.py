"""Both versions of an object in a conflict: what a rule sees, what is written where it merges, what is on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.models import JSONField, Model

from ...exceptions import SynchroConfigurationError
from ..log.field_versions import Apart
from ..rows.json_text import JsonText
from ..rows.value_texts import as_text
from ..rows.values import local_value, same_value
from .conflicts import Decision

#: Names of fields to values, as they are stored; ``None``: there is no such object.
Stored = Mapping[str, Any] | None

#: A remote row, or values by attribute names; ``None``: there is none; or what reads it when it is asked for.
There = Model | Mapping[str, Any] | Callable[[], Model | None] | None

#: Tells which fields were changed; ``None``: nobody knows.
Changed = Callable[[], frozenset[str] | None]


def nobody_knows() -> None:
    return None


class BothSides:
    """Both versions; nothing is read before it is asked for.

    Args:
        remote: the remote alias.
        fields: those that are copied.
        here: LOCAL's values as the remote shall hold them, in the order of the fields or by attribute names; ``None``:
            it has deleted the object.
        there: the remote's row.
        changed_here, changed_there: tell what was changed, as the logs say.
        made: both sides have made the object, and it was found to be one.
        apart: what was found when its fields were compared; ``None``: the object counts as a whole.
    """

    def __init__(
        self,
        remote: str,
        fields: Sequence[Any],
        here: Mapping[str, Any] | Sequence[Any] | None,
        there: There,
        changed_here: Changed = nobody_knows,
        changed_there: Changed = nobody_knows,
        *,
        made: bool = False,
        apart: Apart | None = None,
    ) -> None:
        self._apart = apart
        self._alias, self._fields, self._here, self._there = remote, fields, here, there
        self._changed_here, self._changed_there = changed_here, changed_there
        self.made = made

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The fields by name."""
        return {field.name: field for field in self._fields}

    @cached_property
    def stored_here(self) -> Stored:
        """LOCAL's values as they are stored."""
        if self._here is None:
            return None
        if isinstance(self._here, Mapping):
            return {name: self._here[field.attname] for name, field in self.fields.items()}
        return dict(zip(self.fields, self._here, strict=True))

    @cached_property
    def stored_there(self) -> Stored:
        """The remote's values as they are stored."""
        there = self._there() if callable(self._there) else self._there
        if there is None:
            return None
        if isinstance(there, Mapping):
            return {name: there[field.attname] for name, field in self.fields.items()}
        return {name: local_value(there, field) for name, field in self.fields.items()}

    def read(self) -> None:
        """Read both: what is written now changes the remote's row."""
        _ = self.stored_here, self.stored_there

    # What a rule sees -----------------------------------------------------------------------------

    @cached_property
    def local(self) -> Stored:
        """LOCAL's values as an instance has them."""
        return self._as_seen(self.stored_here)

    @cached_property
    def remote(self) -> Stored:
        """The remote's values as an instance has them."""
        return self._as_seen(self.stored_there)

    @cached_property
    def local_changed(self) -> frozenset[str] | None:
        """The fields that LOCAL has changed."""
        return self._changed_here()

    @cached_property
    def remote_changed(self) -> frozenset[str] | None:
        """The fields that the remote's users have changed."""
        return self._changed_there()

    def _as_seen(self, stored: Stored) -> Stored:
        if stored is None:
            return None
        return {name: _seen(self.fields[name], value) for name, value in stored.items()}

    # What is merged -------------------------------------------------------------------------------

    def apart(self) -> Apart | None:
        """Return whose versions of which fields stand; ``None``: the object counts as a whole.

        Of what both sides have changed to the same value there is nothing to decide but who has done so last.
        """
        here, there = self.stored_here, self.stored_there
        if self._apart is None or here is None or there is None:
            return None
        mine, theirs, both, newest, counted = self._apart
        same = frozenset(name for name in both if same_value(self.fields[name], here[name], there[name]))
        return Apart(mine | (same & newest), theirs | (same - newest), both - same, newest, counted)

    def take(self, names: Collection[str]) -> Mapping[str, Any]:
        """Return all values: LOCAL's of these fields, and the remote's of the others."""
        here, there = self.stored_here, self.stored_there
        assert here is not None and there is not None
        return {**there, **{name: here[name] for name in names}}

    def winner_of(self, values: Mapping[str, Any]) -> str:
        """Tell whose values these are: ``'remote'``, ``'local'``, or neither's: ``'merged'``; but for counters."""
        counted = self._apart.counted if self._apart is not None else ()
        fields = [(name, field) for name, field in self.fields.items() if name not in counted]
        for winner, held in (("remote", self.stored_there), ("local", self.stored_here)):
            if held is not None and all(same_value(field, values[name], held[name]) for name, field in fields):
                return winner
        return "merged"

    def is_as_there(self, values: Mapping[str, Any]) -> bool:
        """Tell whether the remote holds values already, counters included."""
        there, fields = self.stored_there, self.fields.items()
        return there is not None and all(same_value(field, values[name], there[name]) for name, field in fields)

    def merge(self, decision: Decision, label: str, key: str, setting: str) -> tuple[Decision, Stored]:
        """Return what comes of a rule's merged values: all values; or that one side has them all already.

        Raises:
            SynchroConfigurationError: they name what no field of the object's is, or are no values.
        """
        wrong = [name for name in decision.values if name not in self.fields]
        objects = [name for name, value in decision.values.items() if isinstance(value, Model)]
        if wrong or objects:
            said = (
                f"no field that is copied (there are {', '.join(self.fields)})" if wrong else "an object, not its key"
            )
            raise SynchroConfigurationError(
                f"{setting}: the callable merged {[*wrong, *objects][0]!r} for {label} {key}, which is {said}."
            )
        for name, value in decision.values.items():
            self._require_value(name, value, f"{setting}: the callable merged {value!r} as {name} for {label} {key}")
        here, there = self.stored_here, self.stored_there
        merged = {**(there if there is not None else here or {}), **decision.values}
        winner = self.winner_of(merged)
        return (decision, merged) if winner == "merged" else (Decision(winner), None)

    def _require_value(self, name: str, value: Any, said: str) -> None:
        if value is None and not self.fields[name].null:
            raise SynchroConfigurationError(f"{said}, which cannot be NULL.")
        try:
            self.fields[name].get_db_prep_save(value, connections[self._alias])
        except Exception as error:
            raise SynchroConfigurationError(f"{said}, which is no value of it ({error}).") from error

    def by_attname(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by the names of attributes."""
        return {self.fields[name].attname: value for name, value in values.items()}

    def as_text(self, values: Stored) -> str | None:
        """Return values as they are on record."""
        return as_text(self.fields, values, connections[self._alias])


def _seen(field: Any, value: Any) -> Any:
    if isinstance(field, JSONField) and isinstance(value, JsonText):
        return json.loads(value.text, cls=field.decoder)
    return value
