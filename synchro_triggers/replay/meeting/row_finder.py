"""Which row of the remote an object is that has no reference yet: by what tells it, else by key and values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.tables import natural_manager
from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ...models import ChangeLog, Operation, Reference
from ..identity.keys_there import KeysThere
from ..identity.matching import Matching
from ..identity.natural_lookup import IS_NULL, has_null
from ..identity.references import Identity
from ..plan.rewriting import rewritten
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import is_read, read_in_part, was_read
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import rows_of, rows_with
from ..rows.shown_values import FieldDifference, difference_across
from ..rows.values import differing, local_value
from ..schema.findable import is_findable
from ..schema.key_columns import KeyColumn
from ..schema.shape import Shape, family_labels, key_column_at, points_to_key, read_key, target_of
from ..state.failures import describe


@dataclass(frozen=True)
class Left:
    """Why an object was not linked although it may be a row of the remote.

    Attributes:
        reason: for people.
        remote_key: that of the row that it may be, if there is one.
        fields: what differs between them.
    """

    reason: str
    remote_key: Any = None
    fields: tuple[FieldDifference, ...] = ()


#: What a caller names of an object leads to one without a counterpart: it cannot be found, and may well be new.
POINTS_NOWHERE = Left("what it points to has no counterpart")


class RowFinder:
    """Finds the rows of the remote that the objects of a page are.

    Args:
        identity: the references, those of the objects loaded.
        shape: their model.
        new: those of them that have no reference.
        former: the nodes that LOCAL was before.
        trust_keys: the same primary key is enough.
        names: the fields that tell them, where the caller has named some: nothing else counts then.

    Attributes:
        candidates: the rows that local keys may mean.
    """

    def __init__(
        self,
        identity: Identity,
        shape: Shape,
        new: Sequence[Any],
        former: Sequence[str],
        trust_keys: bool,
        names: tuple[str, ...],
    ) -> None:
        self._identity, self._shape, self._trust_keys, self._names = identity, shape, trust_keys, names
        self._matching = Matching(identity, OtherSpellings(identity.remote))
        keys = [instance.pk for instance in new]
        self.candidates = {} if names else _candidates(shape, identity.remote, keys, former)
        self._changed = _Changed(shape, identity.remote, self.candidates)
        self._is_told = natural_manager(shape.model) is not None
        self._found, self._unclear = dict[Any, Any](), set(keys)
        _load_targets(identity, shape, new)
        if self._is_told and all(map(is_read, new)):
            self._found, self._unclear = self._matching.by_natural_keys(shape.model, new)
        # Object by object, to ask whose the rows are took nine tenths of the time.
        identity.load_claims(shape.model, {*self._found.values(), *(row.pk for row in self.candidates.values())})

    def find(self, instance: Any) -> Any:
        """Return the key of the row that an object is; ``None``: it has none; or why it is ``Left``."""
        found = self._by_natural_key(instance) if self._is_told else None
        if found is None and not (self._is_told and self._is_settled(instance)):
            found = self._by_key(instance)
        if found is None or isinstance(found, Left):
            return found
        other = self._identity.claimed_by(self._shape.model, found)
        return found if other is None else Left(f"its row there is known to be {other} of {local_alias()!r}", found)

    def _by_natural_key(self, instance: Any) -> Any:
        try:
            unclear = instance.pk in self._unclear
            found = self._matching.by_natural_key(instance) if unclear else self._found.get(instance.pk)
            return self._shared_null(instance) if found is None and self._names else found
        except ObjectNotApplied as error:  # nobody can tell which of them it is
            named = f"several rows of {self._identity.remote!r} have its {', '.join(self._names)}"
            return Left(named if self._names else str(error))
        except ObjectDoesNotExist:
            return POINTS_NOWHERE if self._names else None
        except Exception as error:
            if not is_of_one_object(error):
                raise
            return Left(f"what tells it cannot be read, or looked up: {describe(error)}")

    def _shared_null(self, instance: Any) -> Left | None:
        """Return why an object is left of which rows are there that have the same values, NULL among them."""
        keys = self._matching.natural_keys
        lookups = keys.lookups(instance, keys.at_paths(self._shape.model, [instance]).get(instance.pk)) or {}
        if not any(name.endswith(IS_NULL) for name in lookups):
            return None
        is_there = rows_of(self._shape.model, self._identity.remote).filter(**lookups).exists()
        return Left(f"NULL in {', '.join(self._names)}, which others have too") if is_there else None

    def _is_settled(self, instance: Any) -> bool:
        """Tell whether its natural key has the last word: not one with a NULL in it, which may be that of several."""
        if self._names or self._identity.keeps_key(self._shape):
            return True  # a kept key needs no reference, but where the natural key changes later
        try:
            return not has_null(instance)
        except Exception as error:
            if not (isinstance(error, ObjectDoesNotExist) or is_of_one_object(error)):
                raise
            return True

    def _by_key(self, instance: Any) -> Any:
        candidate = self.candidates.get(instance.pk)
        if candidate is None or self._trust_keys:
            return None if candidate is None else candidate.pk
        fields = self._changed.unchanged(self._shape, instance.pk)
        if fields is None:
            return None
        read = [field for field in fields if was_read(instance, field) and was_read(candidate, field)]
        if fields and not read:
            return Left("the same key, and no value can be read", candidate.pk)
        values = {field.attname: translated(self._matching.keys_there, field, instance) for field in read}
        if not (names := set(differing(candidate, values))):
            return candidate.pk
        unlike = [field for field in read if field.attname in names]
        shown = (
            difference_across(field, local_value(instance, field), values[field.attname], local_value(candidate, field))
            for field in unlike
        )
        return Left("the same key, and other values", candidate.pk, tuple(shown))


def _load_targets(identity: Identity, shape: Shape, instances: Sequence[Any]) -> None:
    """Read the references of what objects point to, all at once."""
    for field in filter(points_to_key, shape.foreign_keys):
        values = [instance.__dict__.get(field.attname) for instance in instances]
        identity.load(target_of(field)[0], {each for each in values if each is not None and is_findable(field, each)})


def _candidates(shape: Shape, remote: str, keys: Sequence[Any], former: Sequence[str]) -> dict[Any, Model]:
    """Return the remote rows that local keys may mean: what they meant for a former self, else their own numbers."""
    texts = {encode_key(key): key for key in keys}
    references = rows_with(Reference, remote, local_pk=texts, source=former) if former else Reference.objects.none()
    stored = list(references.filter(model_label=shape.label, ended=0).values_list("source", "local_pk", "remote_pk"))
    stored.sort(key=lambda reference: former.index(reference[0]), reverse=True)  # what it meant last counts
    meant = {local_pk: remote_pk for _, local_pk, remote_pk in stored}
    remote_keys = dict(zip(keys, keys, strict=True))
    remote_keys.update({texts[text]: read_key(shape.model, remote_pk) for text, remote_pk in meant.items()})
    rows = {row.pk: row for row in read_in_part(shape.model, remote, list(dict.fromkeys(remote_keys.values())))}
    return {key: rows[remote_key] for key, remote_key in remote_keys.items() if remote_key in rows}


class _Changed:
    """What the logs of both sides say of rows that have the same key there.

    Whoever follows a refusal comes here because an object was changed since the import: what was changed does not tell.
    """

    def __init__(self, shape: Shape, remote: str, keys: Collection[Any]) -> None:
        self._fields: dict[Any, set[str]] = {}
        self._made: set[Any] = set()
        texts = {encode_key(key): key for key in keys}
        for alias in (local_alias(), remote) if texts else ():
            rows = rows_with(ChangeLog, alias, object_pk=texts).filter(model_label__in=family_labels(shape.root))
            for text, operation, names in rows.values_list("object_pk", "operation", "changed_fields"):
                self._fields.setdefault(texts[text], set()).update(names.split(","))
                if operation == Operation.INSERT:
                    self._made.add(texts[text])

    def unchanged(self, shape: Shape, key: Any) -> list[Any] | None:
        """Return the fields that still have the values of the import; ``None``: none is left to compare."""
        changed = self._fields.get(key, set())
        unchanged = [field for field in shape.copied if field.name not in changed]
        return unchanged if unchanged or key not in self._made else None


def translated(keys: KeysThere, field: Any, instance: Model) -> Any:
    column = key_column_at(field)
    if column is not None and column.rewrite is not None:
        return _rewritten(keys, column, instance)
    value, translated = local_value(instance, field), keys.value_there(instance, field)
    # In a cycle the target comes later: its number is its candidate's.
    return value if translated is None else translated


def _rewritten(keys: KeysThere, column: KeyColumn, instance: Model) -> Any:
    def key_there(target: tuple[type[Model], Any], written: Any) -> Any:
        known = keys.key_there(*target)
        return written if known is None else column.value_there(target[1], known, written)

    try:
        return rewritten(column, instance, key_there, keys.remote)
    except ObjectNotApplied:  # it is told when the object is written; till then it is not the same
        return local_value(instance, column.field)
