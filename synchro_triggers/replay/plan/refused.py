"""What the remote refuses at the commit: which objects may only be right together, and are to be tried together.

A deferred constraint speaks of several rows (a booking must balance), and says neither which nor where. What belongs
together was most likely written together: in one transaction of LOCAL (PostgreSQL logs which), to one object that
all of them point to, or one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connections

from ...conf import local_alias
from ...models import ChangeLog
from ..log.changes import Change
from ..log.vendor import log_of
from ..rows.local_rows import load_instances
from ..rows.selecting import rows_with
from ..schema.shape import is_foreign_key, model_of, read_keys, root_of, target_of

#: Neighbours that are tried together at the most.
_NEIGHBOURS = 8

#: Objects of which neighbours are tried: each takes some transactions.
_FEW = 200

#: The transactions of LOCAL by the ids of their log rows.
Transactions = Mapping[int, int]


def transactions_of(changes: Sequence[Change]) -> Transactions:
    """Return the transactions that the changes were last logged in; nothing where LOCAL does not log them."""
    if not log_of(connections[local_alias()]).NAMES_TRANSACTIONS:
        return {}
    rows = rows_with(ChangeLog, local_alias(), pk=[change.last for change in changes if change.logged])
    return dict(rows.values_list("pk", "txid"))


def halves(changes: Sequence[Change], transactions: Transactions) -> tuple[Sequence[Change], Sequence[Change]]:
    """Cut changes near the middle, and through no transaction unless they are of a single one.

    What each half takes must have been logged before the other: a run notes how far it has come.
    """
    middle = len(changes) // 2
    last_of = {transactions.get(change.last): number for number, change in enumerate(changes)}
    cuts, reaching = [], 0
    for number, change in enumerate(changes[:-1]):
        transaction = transactions.get(change.last)
        reaching = max(reaching, number if transaction is None else last_of[transaction])
        if reaching == number:
            cuts.append(number + 1)
    cut = min(cuts, key=lambda cut: abs(cut - middle), default=middle)
    return changes[:cut], changes[cut:]


def groups(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Yield groups of changes that may be right together, the likeliest first; each change is in several of them."""
    yield from _by(transactions_of(changes), [(change.last, change) for change in changes if change.logged])
    yield from _by_target(changes)
    if len(changes) <= _FEW:
        for start in range(len(changes)):
            for size in range(2, min(_NEIGHBOURS, len(changes) - start) + 1):
                yield changes[start : start + size]


def _by(names: Mapping[int, int], changes: Sequence[tuple[int, Change]]) -> list[list[Change]]:
    found: dict[int, list[Change]] = {}
    for name, change in changes:
        if name in names:
            found.setdefault(names[name], []).append(change)
    return [group for group in found.values() if len(group) > 1]


def _by_target(changes: Sequence[Change]) -> list[list[Change]]:
    """Group what points to the same object, together with that object; small groups first."""
    by_label: dict[str, dict[Any, Change]] = {}
    for change in changes:
        if (model := model_of(change.label)) is not None and not change.deleted:
            [key] = read_keys(model, [change.key])
            by_label.setdefault(change.label, {})[key] = change
    found: dict[Any, list[Change]] = {}
    for label, by_key in by_label.items():
        model = model_of(label)
        assert model is not None
        for key, instance in load_instances(model, by_key, {}).items():
            found.setdefault((root_of(model), key), []).append(by_key[key])
            for field in filter(is_foreign_key, instance._meta.concrete_fields):
                target, value = root_of(target_of(field)[0]), instance.__dict__.get(field.attname)
                if value is not None:
                    found.setdefault((target, value), []).append(by_key[key])
    return sorted((group for group in found.values() if len(group) > 1), key=len)
