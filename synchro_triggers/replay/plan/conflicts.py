"""Who wins when both sides changed an object since they last met. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from ...exceptions import SynchroConfigurationError
from ...option_rules import Rule


class Sides(Protocol):
    """Both versions of an object, and what each side has changed in it; read when somebody asks."""

    @property
    def local(self) -> Mapping[str, Any] | None: ...

    @property
    def remote(self) -> Mapping[str, Any] | None: ...

    @property
    def local_changed(self) -> frozenset[str] | None: ...

    @property
    def remote_changed(self) -> frozenset[str] | None: ...


@dataclass(frozen=True)
class Decision:
    """What a rule has decided: ``Decision.LOCAL``, ``Decision.REMOTE`` or ``Decision.merged({...})``.

    Example:
        ::

            def stock_adds_up(conflict: Conflict) -> Decision:
                if conflict.local is None or conflict.remote is None:
                    return Decision.LOCAL
                return Decision.merged({"note": f"{conflict.local['note']} / {conflict.remote['note']}"})
    """

    winner: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)

    LOCAL: ClassVar[Decision]
    REMOTE: ClassVar[Decision]

    @classmethod
    def merged(cls, values: Mapping[str, Any]) -> Decision:
        """Decide that the object shall hold other values than either side.

        Args:
            values: names of fields to values, as the remote shall hold them: a foreign key, by the name of its field,
                is a key there. Fields that are not named keep the remote's value, or, of an object that is gone there,
                LOCAL's.
        """
        return cls("merged", values)

    @property
    def is_merged(self) -> bool:
        """Whether neither side's version shall stand."""
        return self.winner == "merged"


Decision.LOCAL = Decision("local")
Decision.REMOTE = Decision("remote")


@dataclass(frozen=True)
class Conflict:
    """An object that was changed on both sides.

    Attributes:
        label: ``app.Model``.
        local_pk, remote_pk: its primary keys, as text. The local one of an object that was deleted, and whose key is
            another's now, has ``~`` and a number behind it.
        local_at, remote_at: the times of the last change on either side, aware, by the clock of the node whose users
            have made it, but later than what they had changed.
        local_author, remote_author: the identities of these nodes, where they are known.
        settled: this is none: the remote has seen LOCAL's version, and has a newer one. No rule is asked.
        sides: where the properties below are read from, when they are asked for.

    Example:
        ``SYNCHRO_CONFLICT = "shop.rules.newest_but_prices"``, and in ``shop/rules.py``::

            from synchro_triggers import Conflict, Decision

            def newest_but_prices(conflict: Conflict) -> Decision:
                if conflict.label == "shop.Price":
                    return Decision.REMOTE
                return Decision.LOCAL if conflict.local_at > conflict.remote_at else Decision.REMOTE
    """

    label: str
    local_pk: str
    remote_pk: str
    local_at: datetime.datetime
    remote_at: datetime.datetime
    local_author: str = ""
    remote_author: str = ""
    settled: bool = False
    sides: Sides | None = field(default=None, compare=False, repr=False)

    @property
    def local(self) -> Mapping[str, Any] | None:
        """LOCAL's values, as the remote would hold them, by names of fields; ``None``: it has deleted the object.

        Of a link, the keys of both ends; ``None``: it was removed.
        """
        return self.sides.local if self.sides is not None else None

    @property
    def remote(self) -> Mapping[str, Any] | None:
        """The remote's values by names of fields; ``None``: its users have deleted the object."""
        return self.sides.remote if self.sides is not None else None

    @property
    def local_changed(self) -> frozenset[str] | None:
        """The names of the fields that were changed on LOCAL, as its log tells; ``None``: it does not."""
        return self.sides.local_changed if self.sides is not None else None

    @property
    def remote_changed(self) -> frozenset[str] | None:
        """The names of the fields that the remote's users have changed; ``None``: its log does not tell."""
        return self.sides.remote_changed if self.sides is not None else None


def decide_conflict(conflict: Conflict, rule: Rule, setting: str = "SYNCHRO_CONFLICT") -> Decision:
    """Decide whose version of an object shall stand.

    Args:
        conflict: the object.
        rule: ``'newest'`` (the later change wins; of equal ones that of the higher identity, which is the same on all
            nodes, or the remote's where identities are not known), ``'local'``, ``'remote'``, or a callable that gets
            the conflict and returns a ``Decision``, or ``'local'`` or ``'remote'``.
        setting: where the rule was given, for the message.

    Raises:
        SynchroConfigurationError: the callable returned something else.
    """
    if rule == "newest":
        here, there = (conflict.local_at, conflict.local_author), (conflict.remote_at, conflict.remote_author)
        return Decision.LOCAL if here > there else Decision.REMOTE
    found = rule if isinstance(rule, str) else rule(conflict)
    if isinstance(found, Decision) and _is_right(found):
        return found
    if isinstance(found, str) and found in {"local", "remote"}:
        return Decision(found)
    raise SynchroConfigurationError(
        f"{setting}: the callable returned {found!r} for {conflict.label} {conflict.local_pk}; it must return "
        "'local' or 'remote', Decision.LOCAL, Decision.REMOTE or Decision.merged({'field': value})."
    )


def _is_right(decision: Decision) -> bool:
    if decision.is_merged:
        return isinstance(decision.values, Mapping) and bool(decision.values)
    return decision.winner in {"local", "remote"}


def name_of_rule(rule: Rule) -> str:
    """Return what a rule is called: a callable has a dotted path."""
    if isinstance(rule, str):
        return rule
    named = rule if hasattr(rule, "__qualname__") else type(rule)
    return f"{named.__module__}.{named.__qualname__}"
