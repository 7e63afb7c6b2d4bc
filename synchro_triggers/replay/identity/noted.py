"""What a batch has read of references, and what has become of their objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Model

from ..log.field_versions import FieldVersions
from ..tasks import At
from .own_fields import Versions
from .reference_table import Name, Stored


class Fields(NamedTuple):
    """What has become of the fields of an object that both sides have.

    Attributes:
        brought: LOCAL's versions of those of which LOCAL's stands.
        kept: what the remote has received of the others.
    """

    brought: Versions
    kept: FieldVersions


@dataclass
class Noted:
    """References that were read, and what has become of their objects.

    Attributes:
        rows: the references by which objects are known, by root model and local key.
        others: further references of objects that have several names.
        learnt: remote keys of objects that have no reference, or one to another row, or names that were not stored yet.
        made: those whose rows this batch has made.
        forgotten: those that are no row any more; ``gone``: because they were deleted.
        lost: those of which the remote has kept its row in a conflict.
        met: references whose objects and rows were made equal now.
        outdated: references of objects that are gone, whose keys others have.
        brought: objects whose version is the remote's too now, but for those of ``theirs``.
        fields: of those that are merged by field, whose versions stand.
        theirs: those of which the remote has kept its version; ``superseded``: it has seen LOCAL's.
        there: the references to rows, by root model and what their keys are stored as.
        made_there: names of what the remote has made and has no reference for, and its keys as texts.
        buried: those of them that the batch has deleted.
        unseen: what LOCAL has deleted, and the remote does not have.
        graves: the remote's tombstones of objects that keep their keys, by root model and what these are stored as.
    """

    rows: dict[At, Stored] = field(default_factory=dict)
    others: dict[At, list[Stored]] = field(default_factory=dict)
    learnt: dict[At, Any] = field(default_factory=dict)
    made: set[At] = field(default_factory=set)
    forgotten: set[At] = field(default_factory=set)
    gone: set[At] = field(default_factory=set)
    lost: set[At] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    outdated: set[int] = field(default_factory=set)
    brought: set[At] = field(default_factory=set)
    fields: dict[At, Fields] = field(default_factory=dict)
    theirs: set[At] = field(default_factory=set)
    superseded: set[At] = field(default_factory=set)
    there: dict[tuple[type[Model], str], list[Stored]] = field(default_factory=dict)
    made_there: dict[At, tuple[Name, str]] = field(default_factory=dict)
    buried: set[At] = field(default_factory=set)
    unseen: set[At] = field(default_factory=set)
    graves: dict[tuple[type[Model], str], Stored] = field(default_factory=dict)

    def add(self, at: At, row: Stored) -> None:
        """Note a reference of an object, once."""
        known = self.rows.setdefault(at, row)
        if row.pk != known.pk and row.pk not in {known.pk, *(other.pk for other in self.others.get(at, ()))}:
            self.others[at] = [*self.others.get(at, ()), row]

    def rows_of(self, at: At) -> list[Stored]:
        """Return all references of an object that were read."""
        row = self.rows.get(at)
        return [] if row is None else [row, *self.others.get(at, ())]
