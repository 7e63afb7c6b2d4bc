"""Counters of a database that was put back: what its users had added before, and what they have added since."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Model

from ...capture.keys import encode_key
from ...conf import get_settings, local_alias
from ...key_texts import printable_key
from ..identity.contributions import Account, Amount, author_at, read_accounts, write_accounts
from ..identity.reference_table import text_of
from ..identity.references import Identity
from ..log.changed_fields import last_by_users, rows_of_objects
from ..log.own_windows import OwnRow, WindowNumbers, own_rows
from ..plan.counters import accounts_at
from ..rows.selecting import rows_of
from ..schema.family import family_of
from ..schema.shape import Shape
from ..state.node import node_id

_CHUNK = 1000
_NAMED_AT_MOST = 10


class CountedBefore:
    """Writes down what the older node's users had added to each counter; what is left of its value is the successor's.

    A value says how much that is where users have not changed it since; else what a remote knows of the older node's
    says it, unless more was added in the lost time, of which the backup does not tell.

    Args:
        source: the older node.
        before: the last row of its log.
        remotes: the aliases of those that may know.

    Attributes:
        unsure: counters of which nobody can tell. The value that LOCAL has stands then.
    """

    def __init__(self, source: str, before: int, remotes: Collection[str]) -> None:
        self._source, self._before, self._remotes = source, before, remotes
        self._author, self._numbers = author_at(local_alias()), WindowNumbers(local_alias())
        self.unsure: list[str] = []

    def note_all(self, shape: Shape) -> None:
        """Do so for all objects of a model."""
        names = get_settings().counters.get(shape.label)
        fields = [each for each in shape.copied if each.name in names] if names else []
        keys = rows_of(shape.model, local_alias()).order_by("pk").values_list("pk", flat=True)
        last = None
        while fields and (some := list((keys if last is None else keys.filter(pk__gt=last))[:_CHUNK])):
            self._note(shape, fields, some)
            last = some[-1]

    def _note(self, shape: Shape, fields: Collection[Any], keys: Collection[Any]) -> None:
        texts = {text_of(key): key for key in keys}
        held = accounts_at(local_alias(), shape, list(fields), texts)
        rows = rows_of_objects(local_alias(), family_of(shape), keys, origin="")
        own = own_rows(local_alias(), [row.id for some in rows.values() for row in some])
        names = [each.name for each in fields]
        asked: dict[Any, Mapping[str, Mapping[str, Amount]]] | None = None
        found: dict[str, dict[str, Account]] = {}
        for text, key in texts.items():
            some = rows.get(key, [])
            earlier = last_by_users([row for row in some if row.id <= self._before], names)
            later = last_by_users([row for row in some if row.id > self._before], names)
            if later and not earlier and any(row.names is None for row in some):
                continue  # made since
            for name in names:
                amount = held[key][name][self._author]
                if name in earlier:
                    amount = self._of_age(amount, own[earlier[name].id])
                if name in later:
                    asked = self._ask(shape.model, keys) if asked is None else asked
                    amount = self._known(shape, key, name, amount, asked.get(key, {}).get(name, {}))
                found.setdefault(text, {})[name] = {self._author: amount}
        write_accounts(local_alias(), shape.root, found, self._before)

    def _of_age(self, amount: Amount, row: OwnRow) -> Amount:
        return Amount(amount.amount, *max(amount.age, (self._numbers.of(row), row.id)))

    def _known(self, shape: Shape, key: Any, name: str, here: Amount, there: Account) -> Amount:
        """Return what the older node's users had added, where the value tells that no longer."""
        known = there.get(self._author, Amount(Decimal(0), 0, 0))
        if known.age != here.age:
            self.unsure.append(f"{shape.label} {printable_key(encode_key(key))} {name}")
        return known if known.age >= here.age else here

    def _ask(self, model: type[Model], keys: Collection[Any]) -> dict[Any, Mapping[str, Mapping[str, Amount]]]:
        """Return what the remotes know of objects' counters."""
        found: dict[Any, Mapping[str, Mapping[str, Amount]]] = {}
        for remote in self._remotes:
            identity = Identity(remote, self._source, node_id(remote), get_settings().identity)
            identity.load(model, keys)
            there = {key: identity.known(model, key) for key in keys}
            by_text = {text_of(to): key for key, to in there.items() if to is not None}
            found |= read_accounts(remote, model, by_text)
        return found


def describe_unsure(alias: str, counters: Sequence[str]) -> list[str]:
    """Return what is to be said of counters of which nobody can tell what was added when, in lines."""
    if not counters:
        return []
    more = len(counters) - _NAMED_AT_MOST
    some = ", ".join(counters[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
    return [
        "Users have changed these counters since the backup was put back, and nobody can tell by how much, because the "
        f"time that is lost has changed them, too: {some}. The values that {alias!r} has now stand: add by hand what "
        "was added in the lost time."
    ]
