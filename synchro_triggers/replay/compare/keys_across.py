"""Which remote keys many local keys are, and backwards: by references of either direction, and by kept keys.

For many, and as far as a few queries tell: whatever this says is only used to show that rows are equal. What it does
not know, or what is not equal by it, is looked at again by the whole of ``identity``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ...key_texts import read_full_key
from ...models import Reference
from ..identity.matching import Matching
from ..identity.reference_table import text_of
from ..identity.telling import is_told_by_its_key
from ..rows.other_spellings import OtherSpellings
from ..rows.own_rows import has_rows
from ..rows.selecting import rows_with
from ..schema.shape import Shape, is_foreign_key, points_to_key, read_keys, root_of, shape_of, target_of
from .sides import Sides

#: Keys of targets that are remembered of a model.
_REMEMBERED = 200_000

#: Targets of a page that are asked for one by one, where references do not tell: content types, users.
_ONE_BY_ONE = 100


class KeysAcross:
    """What keys are on the other side."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._targets: dict[type[Model], dict[Any, Any]] = {}
        self._references: dict[tuple[str, type[Model]], bool] = {}

    def there(self, root: type[Model], keys: Collection[Any]) -> dict[Any, Any]:
        """Return the remote keys of local keys of a root model, as far as they are known."""
        found = dict(self._pairs(root, keys, backwards=False))
        if is_told_by_its_key(root, self._sides.kept_keys):
            found = self._kept(shape_of(root), [key for key in keys if key not in found]) | found
        return found

    def here(self, root: type[Model], remote_keys: Collection[Any]) -> dict[Any, list[Any]]:
        """Return the local keys that remote keys of a root model may be.

        It is for the caller to see whether LOCAL has them. A kept key with a foreign key in it is not among them.
        """
        found: dict[Any, list[Any]] = {key: [] for key in remote_keys}
        for key, remote_key in self._pairs(root, remote_keys, backwards=True):
            found[remote_key].append(key)
        shape = shape_of(root)
        if is_told_by_its_key(root, self._sides.kept_keys) and not any(map(is_foreign_key, shape.key)):
            for key, candidates in found.items():
                if key not in candidates:
                    candidates.append(key)
        return found

    def targets(self, model: type[Model], values: Iterable[Any]) -> dict[Any, Any]:
        """Return what foreign keys to a model hold on the remote, by what they hold on LOCAL."""
        known = self._targets.setdefault(root_of(model), {})
        asked = {value for value in values if value is not None}
        unknown = asked - known.keys()
        if unknown:
            if len(known) > _REMEMBERED:
                known.clear()
                unknown = asked
            known.update(self.there(root_of(model), unknown))
            self._ask_one_by_one(model, known, [value for value in unknown if value not in known])
        return known

    def _ask_one_by_one(self, model: type[Model], known: dict[Any, Any], unknown: list[Any]) -> None:
        if len(unknown) > _ONE_BY_ONE:
            return
        identity = self._sides.identity()
        identity.load(root_of(model), unknown)
        matching = Matching(identity, OtherSpellings(self._sides.remote))
        for value in unknown:
            if (found := matching.keys_there.key_there(model, value)) is not None:
                known[value] = found

    # References -----------------------------------------------------------------------------------

    def _pairs(self, root: type[Model], keys: Collection[Any], *, backwards: bool) -> list[tuple[Any, Any]]:
        """Return local and remote keys, of local keys or, backwards, of remote ones; forward references win."""
        by_text = {text_of(key): key for key in keys}
        pairs: list[tuple[Any, Any]] = []
        for alias, source in ((self._sides.remote, self._sides.source), (local_alias(), self._sides.target)):
            if not by_text or not self._has_any(alias, source, root):
                continue
            forward = alias != local_alias()
            asked, told = ("remote_pk", "local_pk") if forward is backwards else ("local_pk", "remote_pk")
            found = _read(alias, source, root, asked, told, by_text)
            others = read_keys(root, [other for _, other in found])
            mine = [by_text[text] for text, _ in found]
            pairs += zip(others, mine, strict=True) if backwards else zip(mine, others, strict=True)
            if not backwards:
                for text, _ in found:
                    del by_text[text]
        return pairs

    def _has_any(self, alias: str, source: str, root: type[Model]) -> bool:
        at = alias, root
        if at not in self._references:
            self._references[at] = has_rows(Reference, alias, source=source, model_label=root._meta.label)
        return self._references[at]

    # Kept keys ------------------------------------------------------------------------------------

    def _kept(self, shape: Shape, keys: Collection[Any]) -> dict[Any, Any]:
        columns = [[key[number] for key in keys] if shape.composite_key else keys for number in range(len(shape.key))]
        there: list[Any] = []
        for field, values in zip(shape.key, columns, strict=True):
            if is_foreign_key(field) and points_to_key(field):
                known = self.targets(target_of(field)[0], values)
                there.append([known.get(value) for value in values])
            else:
                there.append(values)
        rows = zip(keys, zip(*there, strict=True), strict=True)
        return {key: parts if shape.composite_key else parts[0] for key, parts in rows if None not in parts}


def _read(
    alias: str, source: str, root: type[Model], asked: str, told: str, texts: Collection[str]
) -> list[tuple[str, str]]:
    """Return pairs of stored keys; without those of which it is known that they lead to another object by now."""
    rows = rows_with(Reference, alias, **{asked: texts}).filter(source=source, model_label=root._meta.label, ended=0)
    names = (asked, told, f"{told.removesuffix('_pk')}_text", "replaced_at")
    return [
        (text, read_full_key(other, full))
        for text, other, full, replaced_at in rows.values_list(*names)
        if replaced_at is None
    ]
