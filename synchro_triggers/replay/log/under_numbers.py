"""What LOCAL has under a number that was given to another object, of which nothing was logged.

Where an object goes past all cascades and another one is made under its number, in one transaction, its links stay: on
LOCAL they are the other one's then, and so is what has that number in its key. On the remote they go with the old
object, whose number nobody else gets there. So they are looked at where that object is deleted, in the same
transaction: what cannot be linked yet is kept like any failure, and a run that is killed has done both or neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...capture.tables import captured_models, is_of_links
from ...conf import get_settings, local_alias
from ..rows.selecting import rows_with
from ..rows.utc import zone_of
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, model_of, read_key, root_of, shape_of
from .changes import Change, divided


class UnderNumbers:
    """Changes of one transaction, and those of what LOCAL has under the numbers of former objects among them.

    Args:
        changes: links and objects of which they speak already are not added.
        kept_keys: labels of models that keep their primary key.

    Attributes:
        changes: all of them.
    """

    def __init__(self, changes: Sequence[Change], kept_keys: Collection[str] = ()) -> None:
        self._former = _formers_among(changes)
        all_ = {(change.label, change.key): change for change in changes}
        looked_for = self._former
        while looked_for:  # what has its key of such an object may be one to others
            added = [
                each for root, numbers in _by_root(looked_for).items() for each in _objects_of(root, numbers, kept_keys)
            ]
            fresh = [pair for pair in added if (pair[0].label, pair[0].key) not in all_]
            for former, later in fresh:
                known = all_.get((later.label, later.key))
                all_[former.label, former.key] = former
                all_[later.label, later.key] = later if known is None else replace(known, created=True)
            looked_for = _formers_among(former for former, _ in fresh)
            self._former |= looked_for
        for root, numbers in _by_root(self._former).items():
            for link in _links_of(root, numbers):
                all_.setdefault((link.label, link.key), link)
        self.changes = list(all_.values()) if self._former else list(changes)

    def of_other_children(self, done: Iterable[Change] | None = None) -> list[Change]:
        """Return changes of what LOCAL has under former objects' numbers, where that is several children at once.

        Reading the object shows one line of its children. Of the others nothing is logged either: their rows have
        stayed. They cannot be written together, so these changes are for the transactions that follow.

        Args:
            done: the changes that have been applied; by default, all.
        """
        former = self._former if done is None else {each: self._former[each] for each in done if each in self._former}
        found: list[Change] = []
        for root, numbers in _by_root(former).items():
            there: dict[Any, list[type[Model]]] = {}
            children = [each for each in captured_models(get_settings().models) if each is not root]
            children = [each for each in children if root_of(each) is root]
            for model in children if len(children) > 1 else ():
                for key in rows_with(model, local_alias(), pk=numbers).values_list("pk", flat=True):
                    there.setdefault(key, []).append(model)
            for key, models in there.items():
                ends = [each for each in models if not any(each in other._meta.all_parents for other in models)]
                found += [as_if_logged(numbers[key], each, key) for each in ends if len(ends) > 1]
        return found


def _formers_among(changes: Iterable[Change]) -> dict[Change, tuple[type[Model], Any]]:
    """Return those changes whose objects' keys are others' now, with root model and that key."""
    formers: dict[Change, tuple[type[Model], Any]] = {}
    for change in changes:
        model = model_of(change.label) if FormerKey.is_one(change.key) else None
        key = read_key(model, change.key) if model is not None else None
        if model is not None and isinstance(key, FormerKey):
            formers[change] = root_of(model), read_key(model, key.number, zone_of(local_alias()))
    return formers


def _by_root(formers: Mapping[Change, tuple[type[Model], Any]]) -> dict[type[Model], dict[Any, Change]]:
    found: dict[type[Model], dict[Any, Change]] = {}
    for change, (root, number) in formers.items():
        found.setdefault(root, {})[number] = change
    return found


def _objects_of(
    root: type[Model], numbers: dict[Any, Change], kept_keys: Collection[str]
) -> Iterator[tuple[Change, Change]]:
    """Yield a delete and an insert for each object that has a number in its key: it is another one's with that."""
    for model in captured_models(get_settings().models):
        ends = [field for field in shape_of(model).key if _leads_to(field, root)]
        for end in ends if gives_keys_again(model, kept_keys) else ():
            for key, number in rows_with(model, local_alias(), **{end.attname: numbers}).values_list("pk", end.attname):
                of_number = numbers[number]
                change = Change(
                    *(model._meta.label, encode_key(key), of_number.last, of_number.last, False, of_number.logged_at),
                    ended=FormerKey(of_number.key).ended,
                )
                yield divided(change)


def _links_of(root: type[Model], numbers: dict[Any, Change]) -> Iterator[Change]:
    for end in _ends_at(root):
        links = rows_with(end.model, local_alias(), **{end.attname: numbers}).values_list("pk", end.attname)
        for key, number in links:
            yield as_if_logged(numbers[number], end.model, key)


def as_if_logged(with_: Change, model: type[Model], key: Any) -> Change:
    """Return a change of a row, as if it had been logged with another one: when a former object went, as a rule."""
    return Change(model._meta.label, encode_key(key), with_.last, with_.last, False, with_.logged_at)


def _ends_at(root: type[Model]) -> Iterable[Any]:
    """Yield the foreign keys of captured link tables that hold keys of a root model, or of a child that shares them."""
    for model in captured_models(get_settings().models):
        for field in model._meta.concrete_fields if is_of_links(model) else ():
            if _leads_to(field, root):
                yield field


def _leads_to(field: Any, root: type[Model]) -> bool:
    """Tell whether a field holds keys of a root model, or of a child that shares them."""
    target: Any = field.related_model
    return target is not None and root_of(target) is root and shape_of(target).root is root
