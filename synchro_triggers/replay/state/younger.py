"""References that were made in a time which LOCAL has lost: the number in one may be another object's now.

What was made under the log since is told by the log (``moved``). What has come past it is not. So a reference of the
lost time is looked at where LOCAL has something under its key: whether both rows are equal, which does no harm, or
LOCAL has logged, before the loss, that it made the object. If neither, the reference goes, and what was said when the
models met goes along: the run that has to write the object asks again, and ``synchro_link`` tells.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import local_alias
from ...key_texts import printable_key
from ...models import ChangeLog, Introduction
from ...moment import as_utc
from ..identity.telling import is_told_by_nothing
from ..log.made import made_and_there
from ..rows.local_rows import load_instances
from ..rows.partly_readable import is_read, read_in_part
from ..rows.selecting import rows_with
from ..rows.values import differing, local_value
from ..schema.keys import FormerKey
from ..schema.shape import gives_keys_again, leads_elsewhere, root_of, shape_of

_NAMED_AT_MOST = 10


@dataclass
class LostTime:
    """What is not known any more after a loss, by model label and key on LOCAL.

    Attributes:
        forgotten: how many references were dropped, of objects that are lost too.
        asked: their references are forgotten: they may be other objects now, and the next run that needs them asks.
        doubtful: their references are kept, and lead to rows with other values.
    """

    forgotten: int = 0
    asked: dict[str, list[str]] = field(default_factory=dict)
    doubtful: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """A reference of an object whose key LOCAL has.

    Attributes:
        key: on LOCAL.
        remote_key: on the remote.
        logged: up to which row of the log it was made; ``None``: not by the log.
        met_at: when (the remote's clock).
    """

    key: Any
    remote_key: Any
    logged: int | None
    met_at: datetime.datetime


class Younger:
    """Looks at the references to one remote that are younger than what LOCAL was put back to.

    Args:
        remote: the alias.
        source: LOCAL's identity.
        kept_keys: labels of models that keep their primary key.
        is_received: tells whether a row of LOCAL's log, as it is now, was received.
        last: the highest row that was.
    """

    def __init__(
        self, remote: str, source: str, kept_keys: Collection[str], is_received: Callable[[int], bool], last: int
    ) -> None:
        self._remote, self._source, self._kept_keys, self._is_received = remote, source, kept_keys, is_received
        row = ChangeLog.objects.filter(pk__lte=last).order_by("-pk").values_list("logged_at", flat=True).first()
        self._put_back_to = as_utc(row) if row is not None else None
        self.found = LostTime()

    def sort_out(self, model: type[Model], references: Collection[Known]) -> set[Any]:
        """Return the keys whose references must go, and note what is to be told."""
        if not gives_keys_again(model, self._kept_keys):
            return set()
        younger = [each for each in references if not isinstance(each.key, FormerKey) and self._is_younger(each)]
        unequal = self._unequal(model, {each.key: each.remote_key for each in younger})
        going = {each.key for each in younger if each.key in unequal and each.logged is not None}
        going -= made_and_there(model, going)
        self._note(self.found.doubtful, model, unequal - going)
        if going and is_told_by_nothing(model, self._kept_keys):
            label = model._meta.label
            introduced = Introduction.objects.using(self._remote).filter(source=self._source, model_label=label)
            introduced._raw_delete(self._remote)
            self._note(self.found.asked, model, going)
        return going

    @staticmethod
    def _note(found: dict[str, list[str]], model: type[Model], keys: Collection[Any]) -> None:
        if keys:
            found.setdefault(model._meta.label, []).extend(sorted(map(encode_key, keys)))

    def _is_younger(self, reference: Known) -> bool:
        if reference.logged is not None:
            return not self._is_received(reference.logged)
        return self._put_back_to is None or as_utc(reference.met_at) > self._put_back_to

    def _unequal(self, model: type[Model], meant: Mapping[Any, Any]) -> set[Any]:
        """Return those of the local keys that mean a remote row with other values."""
        unequal: set[Any] = set()
        unreadable: dict[Any, Exception] = {}
        by_model: dict[type[Model], list[Model]] = {}
        found = load_instances(model, meant, unreadable)
        # A child with a key of its own has another reference: here its parent's row counts.
        alone = {key for key, instance in found.items() if root_of(type(instance)) is not root_of(model)}
        found |= {row.pk: row for row in rows_with(model, local_alias(), pk=alone)} if alone else {}
        for instance in found.values():
            by_model.setdefault(type(instance), []).append(instance)
        for derived, instances in by_model.items():
            keys = [meant[instance.pk] for instance in instances]
            rows = {row.pk: row for row in read_in_part(derived, self._remote, keys) if is_read(row)}
            unequal |= {each.pk for each in instances if not _is_equal(each, rows.get(meant[each.pk]))}
        return unequal | set(unreadable)


def _is_equal(instance: Model, row: Model | None) -> bool:
    """Tell whether a row of the remote has the values of an object; where keys lead there, nobody can tell so far."""
    fields = [each for each in shape_of(type(instance)).copied if not leads_elsewhere(each)]
    values = {each.attname: local_value(instance, each) for each in fields}
    return row is not None and bool(fields) and not differing(row, values)


def describe_lost_time(remote: str, found: LostTime) -> list[str]:
    """Return what is to be said of what was sorted out, in lines."""
    lines = []
    if found.asked:
        lines.append(
            f"What these were on {remote!r} was learnt in the time that is lost, and their keys may be other objects' "
            f"now: {_named(found.asked)}. It is forgotten. A run that has to write one of them asks: run "
            "`manage.py synchro_link` (or --strangers) then."
        )
    if found.doubtful:
        lines.append(
            f"What these are on {remote!r} was learnt in the time that is lost, and their rows there have other "
            f"values: {_named(found.doubtful)}. They are still taken for the same, and changes of {local_alias()!r} "
            "go there. Look at both before you synchronise. If they are not the same: `manage.py synchro_reset` "
            "(it forgets what waits), then `manage.py synchro_link`."
        )
    return lines


def _named(keys: Mapping[str, Collection[str]]) -> str:
    parts = []
    for label, of_label in sorted(keys.items()):
        some = ", ".join(map(printable_key, list(of_label)[:_NAMED_AT_MOST]))
        more = len(of_label) - _NAMED_AT_MOST
        parts.append(f"{label} {some}" + (f" and {more} more" if more > 0 else ""))
    return "; ".join(parts)
