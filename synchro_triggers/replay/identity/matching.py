"""Which remote row a local object is: the ladder that writing, deleting, linking and comparing climb.

The rungs, in this order; the first that leads to a row ends it:

1. the stored reference, dropped when its remote row is gone (``references``);
2. the natural key (``natural_matches``);
3. the primary key, if the database does not give it out or the model has the option ``identity: 'pk'``.

An object that none of them finds is new. A row that rung 2 or 3 finds does not count where it is known to be another
object that still lives. Who climbs, and where they differ:

- ``match()``: an object of LOCAL; ``match_key()``: what a foreign key points to there. ``match_many()``: many without a
  reference; what is doubtful is left to ``match()``.
- ``match_deleted()``: an object that only the log speaks of. Its natural key is one that the log has kept.
- ``match_parent()``: a parent's row with a key of its own; a kept key counts although no row has it yet.
- ``meeting/linking``: rungs 1 and 2, then a row with the same key and the same values.
- ``Living``: the other way round, from a remote row to the object of LOCAL. Rung 3 counts where that object, from its
  side, is no other row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from django.db import DatabaseError
from django.db.models import Model

from ...capture.tables import natural_manager
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..log.changes import Change
from ..rows.local_rows import rebuilt
from ..rows.other_spellings import OtherSpellings
from ..rows.raw_keys import there_as_text
from ..rows.selecting import rows_of
from ..rows.values import logged_values
from ..schema.keys import FormerKey, Unreadable
from ..schema.shape import Shape, shape_of
from ..tasks import At
from .already_there import there_by_natural_key
from .keys_there import KeysThere, NaturalKeys
from .living import Living
from .natural_lookup import has_null
from .natural_matches import NaturalMatches
from .references import Identity


class Matching:
    """Finds the remote rows of a batch's objects, and of what they point to.

    Args:
        spellings: what the remote has in other spellings than Django's.

    Attributes:
        identity: those references.
        keys_there: what foreign keys and kept keys are on the remote.
        natural_keys: the natural keys that objects would have there.
        living: the other way round, which object of LOCAL a remote row is.
        doubled: objects of LOCAL whose natural key is another object's there.
    """

    def __init__(self, identity: Identity, spellings: OtherSpellings) -> None:
        self.identity, self._spellings = identity, spellings
        # A natural key may hold foreign keys, whose targets may be found by their natural keys in turn.
        self.keys_there = KeysThere(identity, self.match_key)
        self.natural_keys = NaturalKeys(identity, self.keys_there)
        self._by_natural_key = NaturalMatches(self.natural_keys)
        self.living = Living(identity, self.match_key)
        self.doubled: set[At] = set()

    def by_natural_key(self, instance: Model) -> Any:
        """Return the key of the remote row with an object's natural key, whosever it is, or ``None``: the second alone.

        Raises:
            ObjectNotApplied: several have it.
        """
        return self._by_natural_key.find(instance)

    def by_natural_keys(self, model: type[Model], instances: Sequence[Model]) -> tuple[dict[Any, Any], set[Any]]:
        """Do the same for many objects, in a few queries.

        Returns:
            Local key to remote key; and the local keys of those that must be looked up one by one.
        """
        return self._by_natural_key.find_many(model, instances)

    def match(self, shape: Shape, instance: Model) -> Any:
        """Return the key of the remote row that is an object of LOCAL, or ``None``."""
        known = self.identity.find(shape.model, instance.pk)
        if known is not None:
            return known
        found = self.by_natural_key(instance)
        is_anothers = found is not None and self.belongs_to_another(shape, found, instance.pk)
        if found is not None and not is_anothers and not self._was_shared(shape, found, instance):
            return found
        if is_anothers:
            self.doubled.add((shape.root, instance.pk))
        return self.match_kept_key(shape, instance.pk)

    def match_key(self, model: type[Model], key: Any) -> Any:
        """Return the key of the remote row that is the object of LOCAL with a key, or ``None``."""
        known = self.identity.find(model, key)
        if known is not None:
            return known
        shape = shape_of(model)
        # Else the object need not be read, or cannot be there.
        named = natural_manager(model) is not None and not isinstance(key, FormerKey | Unreadable)
        instance = rows_of(model, local_alias()).filter(pk=key).first() if named else None
        return self.match(shape, instance) if instance is not None else self.match_kept_key(shape, key)

    def match_kept_key(self, shape: Shape, key: Any) -> Any:
        """Return the key of the remote row that is an object by the key that it keeps, or ``None``: the third alone."""
        kept = self.keys_there.kept_key(shape, key)
        if kept is not None and self.identity.existing(shape.root, [kept]):
            return kept if not self.belongs_to_another(shape, kept, key) else None
        return None

    def match_parent(self, model: type[Model], key: Any) -> Any:
        """Return the key that a parent's row of an object has on the remote, or shall have.

        Returns:
            ``None``: it will be given one.
        """
        found = self.match_key(model, key)
        return found if found is not None else self.keys_there.kept_key(shape_of(model), key)

    def match_many(self, shape: Shape, instances: Sequence[Model]) -> tuple[dict[Any, Any], set[Any]]:
        """Match many objects that have no reference, in a few queries.

        Returns:
            Local key to remote key of those that were found; and the local keys of those that must be matched one by
            one: what was found is strange, or a row that is known to be another object, which may live or not.
        """
        found, unclear = self._by_natural_key.find_many(shape.model, instances)
        if self.identity.keeps_key(shape):
            keys = [instance.pk for instance in instances if instance.pk not in found]
            kept = {key: self.keys_there.kept_key(shape, key) for key in keys}
            existing = self.identity.existing(shape.root, [key for key in kept.values() if key is not None])
            found.update({key: remote_key for key, remote_key in kept.items() if remote_key in existing})
        times = Counter(found.values())
        unclear.update(key for key, remote_key in found.items() if times[remote_key] > 1)
        found = {key: remote_key for key, remote_key in found.items() if key not in unclear}
        claims = self._claims(shape.model, found.values())
        for key, remote_key in found.items():
            other = claims.get(remote_key)
            if other is None:
                continue
            if not self.identity.log.is_going(shape.model, other) or self.identity.was_there(shape.model, key):
                unclear.add(key)
        return {key: remote_key for key, remote_key in found.items() if key not in unclear}, unclear

    def match_deleted(self, shape: Shape, key: Any, change: Change) -> Any:
        """Return the remote key of an object that LOCAL has deleted, or ``None``.

        Of a kept key it is not asked whether its row is there: whoever deletes reads the row next, and looks for it in
        other forms where it is not found. What was made and deleted since the last run has a reference or no row; or,
        where keys are kept and versions tell who has changed what, it may have come by another way.
        Foreign keys in its key, or natural key, are those of what it pointed to, also where others have these by now.

        Raises:
            ObjectNotApplied: it is there in a form, or a spelling, in which it cannot be read or found.
        """
        known = self.identity.find(shape.model, key)
        if known is not None or self.identity.lives_on(shape.model, key):
            return known
        versions = self.identity.asks_for_versions
        if change.created and not (versions and self.identity.leaves_kept_graves(shape.root)):
            return None
        if versions and not self.identity.keeps_key(shape) and self.identity.was_there(shape.model, key):
            return None  # the remote has deleted it too: what has its natural key by now is another object
        with self.keys_there.formerly() as has_others:
            found = self._deleted_formerly(shape, key, change) if has_others else None
        return found if found is not None else self._deleted(shape, key, change)

    def _deleted_formerly(self, shape: Shape, key: Any, change: Change) -> Any:
        """Return the remote key of a deleted object whose row is there, or ``None``."""
        found = self._deleted(shape, key, change)
        return found if found is not None and self.identity.existing(shape.root, [found]) else None

    def _deleted(self, shape: Shape, key: Any, change: Change) -> Any:
        """Return the remote key of a deleted object that has no reference, or ``None``."""
        found = self.match_former_natural_keys(shape, key, change)
        if found is not None:
            return found
        if isinstance(key, Unreadable):
            if there_as_text(self.identity.remote, shape.root, [key]):
                raise ObjectNotApplied(
                    f"it was deleted; its primary key is on {self.identity.remote!r} too, and cannot be read there"
                )
            return None
        kept = self.keys_there.kept_key(shape, key)
        return kept if kept is not None and not self.belongs_to_another(shape, kept, key) else None

    def match_former_natural_keys(self, shape: Shape, key: Any, change: Change) -> Any:
        """Return the row that has a natural key which a deleted object had, and is no other object's.

        The remote may know it by the first one; where another object has that by now, by one of those that followed.
        """
        for number, old in enumerate(dict.fromkeys(change.old_values)):
            gone = rebuilt(shape, key, logged_values(shape.model, old))
            found = self._ask_for_deleted(gone)
            if found is not None and not self.belongs_to_another(shape, found, key):
                return found
            if found is None:
                for error in there_by_natural_key(self._spellings, self.natural_keys, shape, [gone]).values():
                    raise ObjectNotApplied(f"it was deleted; {error}")
                if number == 0:
                    return None
        return None

    def _ask_for_deleted(self, gone: Model) -> Any:
        try:
            return self.by_natural_key(gone)
        except (DatabaseError, ObjectNotApplied):
            raise
        except Exception as error:  # the user's natural_key() may need objects that are gone too
            raise ObjectNotApplied(f"its natural key cannot be told any more: {error}") from error

    def belongs_to_another(self, shape: Shape, remote_key: Any, key: Any) -> bool:
        """Tell whether a remote row is known to be another object, which lives or is still to be dealt with."""
        other = self._claims(shape.model, [remote_key]).get(remote_key)
        if other is None or other == key:
            return False
        if isinstance(other, FormerKey) or self.identity.log.is_going(shape.model, other):
            return False  # its object is gone: who has its natural key now has the row
        return (
            self.identity.log.is_of_batch(shape.root, other)
            or rows_of(shape.root, local_alias()).filter(pk=other).exists()
        )

    def _was_shared(self, shape: Shape, remote_key: Any, instance: Model) -> bool:
        """Tell whether an object's natural key has a NULL in it, and was that of another one, too, which is gone.

        The remote has had both, and the row is the other one's: that one alone is left there tells nothing.
        """
        if not self.identity.was_there(shape.model, instance.pk) or not has_null(instance):
            return False
        return self._claims(shape.model, [remote_key]).get(remote_key) not in (None, instance.pk)

    def _claims(self, model: type[Model], remote_keys: Collection[Any]) -> dict[Any, Any]:
        """Return which objects of LOCAL remote rows are known to be, by remote key.

        Of what the remote itself has made, and has no reference for, LOCAL's own references say that.
        """
        identity = self.identity
        identity.load_claims(model, remote_keys)
        claims = {key: claim for key in remote_keys if (claim := identity.claimed_by(model, key)) is not None}
        backwards = identity.claims_backwards(model, [key for key in remote_keys if key not in claims])
        identity.load(model, backwards.values())
        return claims | {key: claim for key, claim in backwards.items() if identity.known(model, claim) == key}
