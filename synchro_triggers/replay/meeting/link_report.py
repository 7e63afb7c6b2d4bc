"""What linking has found: counts by model, and the objects that it has left. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ...key_texts import printable_key
from ..identity.reference_table import text_of
from ..rows.shown_values import FieldDifference
from .row_finder import POINTS_NOWHERE, Left


@dataclass
class LinkCounts:
    """Objects of one model.

    Attributes:
        known: already linked.
        linked: linked now.
        unmatched: without a counterpart.
        alike: of those, how many have the key of a remote row whose values are others.
        unreadable: of those, how many have a value that cannot be read, here or in the remote row with their key.
        pointing: of those, how many have none because what they point to has none (a field of ``by``).
        left: of those, how many may be a row of the remote all the same; the others are new for it.
    """

    known: int = 0
    linked: int = 0
    unmatched: int = 0
    alike: int = 0
    unreadable: int = 0
    pointing: int = 0
    left: int = 0

    @property
    def is_any_known(self) -> bool:
        """Tell whether any object is known to be on both sides."""
        return bool(self.known or self.linked)


@dataclass(frozen=True)
class LeftObject:
    """An object that was not linked, although it may be on the remote.

    Attributes:
        model: the label.
        key: its primary key as text.
        remote_key: that of the row that it may be; ``None``: there is none, or there are several.
        reason: why, for people.
        fields: what differs between the two.
    """

    model: str
    key: str
    remote_key: str | None
    reason: str
    fields: tuple[FieldDifference, ...] = ()


@dataclass
class LinkReport:
    """The result of ``link_objects()``.

    Attributes:
        named: how many objects are kept by name, of each model; ``None``: all.
        models: counts by model label.
        left: the objects that were left, those of each model together.
        in_doubt: the models of which nothing was linked, although both sides have objects that nothing is known of:
            that is no word that these are not the same.
    """

    named: int | None = None
    models: dict[str, LinkCounts] = field(default_factory=dict)
    left: list[LeftObject] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)

    def leave(self, label: str, key: Any, why: Left | None, is_alike: bool, is_unreadable: bool) -> None:
        """Count an object that was not linked; keep it by name if it may be on the remote.

        Args:
            label, key: of the object.
            why: why it was left; ``None``: it is new.
            is_alike, is_unreadable: as in ``LinkCounts``.
        """
        counts = self.models[label]
        counts.unmatched += 1
        counts.alike += is_alike
        counts.unreadable += is_unreadable
        if why is POINTS_NOWHERE:
            counts.pointing += 1
            return
        counts.left += why is not None
        if why is not None and (self.named is None or counts.left <= self.named):
            there = None if why.remote_key is None else printable_key(text_of(why.remote_key))
            self.left.append(LeftObject(label, printable_key(text_of(key)), there, why.reason, why.fields))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "models": {label: asdict(counts) for label, counts in self.models.items()},
            "left": [asdict(each) for each in self.left],
            "in_doubt": self.in_doubt,
        }
