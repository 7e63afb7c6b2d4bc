"""Counters: what each node's users have added to one, so that differences add up exactly, whichever way they come.

The idea is that of a counter with an entry for each replica, of which each raises only its own (Shapiro and others,
2011). Here a database's own entry is not stored: it is the row's value less all others, so that users write as ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Model, QuerySet

from ...models import Contribution, Node
from ..log.users_changes import LastChange, made_again
from ..rows.own_rows import read_rows
from ..rows.selecting import rows_with

#: Stands for no node: of a log, all that users have done is of interest, whoever has received it.
_NOBODY = "-"


class Amount(NamedTuple):
    """What a node's users have added, and how new that is: window and row of the node's log."""

    amount: Decimal
    number: int
    row: int

    @property
    def age(self) -> tuple[int, int]:
        """What is compared to find the newer one."""
        return self.number, self.row


#: Authors to what they have added to one counter.
Account = Mapping[str, Amount]

#: Names of counters of one row to their accounts.
Accounts = Mapping[str, Account]


def news(here: Account, there: Account, but_of: str) -> dict[str, Amount]:
    """Return what one side knows of authors, and the other one does not, or not yet.

    Example:
        >>> news({"a": Amount(Decimal(3), 1, 7)}, {"a": Amount(Decimal(2), 1, 5)}, "b")
        {'a': Amount(amount=Decimal('3'), number=1, row=7)}
    """
    return {
        author: amount
        for author, amount in here.items()
        if author != but_of and (author not in there or amount.age > there[author].age)
    }


def difference(found: Account, there: Account) -> Decimal:
    """Return how much a value grows by what ``news()`` has found."""
    grown = (each.amount - (there[author].amount if author in there else 0) for author, each in found.items())
    return sum(grown, Decimal(0))


def others_part(account: Account, author: str) -> Decimal:
    """Return what all but one author have added."""
    return sum((each.amount for by, each in account.items() if by != author), Decimal(0))


def _rows_of(alias: str, root: type[Model], texts: Collection[str]) -> QuerySet[Contribution]:
    rows = rows_with(Contribution, alias, object_pk=texts)
    return rows.filter(counter__startswith=f"{root._meta.label}.")


def author_at(alias: str) -> str:
    """Return as whom a database's own users add to counters."""
    [node] = read_rows(Node, alias, defer=("copied_from", "created_at"), id=1)
    return node.counting or node.node_id


def read_accounts(
    alias: str, root: type[Model], keys: Mapping[str, Any], *, logs: bool = True, others: set[int] | None = None
) -> dict[Any, dict[str, dict[str, Amount]]]:
    """Return what a database has stored of rows, but for what is of others that had the keys before.

    Args:
        alias: the database.
        root: the root model.
        keys: what keys are stored as, to the keys.
        logs: the database captures its own changes.
        others: takes the primary keys of what is left out.
    """
    rows = _rows_of(alias, root, keys)
    stored = list(rows.values_list("pk", "seen", "object_pk", "counter", "author", "amount", "number", "row"))
    again: dict[str, LastChange] = {}
    if stored and logs:
        first = min(seen for _, seen, *_ in stored) + 1
        again = made_again(alias, root._meta.label, {row[2]: row[2] for row in stored}, _NOBODY, first=first)
    found: dict[Any, dict[str, dict[str, Amount]]] = {}
    for pk, seen, text, counter, author, amount, number, row in stored:
        if text in again and again[text].id > seen:
            if others is not None:
                others.add(pk)
            continue
        accounts = found.setdefault(keys[text], {})
        accounts.setdefault(counter.rpartition(".")[2], {})[author] = Amount(Decimal(amount), number, row)
    return found


def write_accounts(
    alias: str, root: type[Model], accounts: Mapping[str, Accounts], seen: int, *, anew: Collection[str] = ()
) -> None:
    """Store contributions, by what keys are stored as.

    Args:
        alias: the database; a transaction is open there.
        seen: how far its log goes.
        anew: those of the keys whose rows are new: what was stored of them is of others.
    """
    delete_accounts(alias, root, anew)
    new = [
        Contribution(
            author=author,
            counter=f"{root._meta.label}.{field}",
            object_pk=text,
            amount=str(amount.amount),
            number=amount.number,
            row=amount.row,
            seen=seen,
        )
        for text, fields in accounts.items()
        for field, account in fields.items()
        for author, amount in account.items()
    ]
    names_conflicts = connections[alias].features.supports_update_conflicts_with_target
    Contribution._base_manager.using(alias).bulk_create(
        new,
        update_conflicts=True,
        unique_fields=["object_pk", "counter", "author"] if names_conflicts else None,
        update_fields=["amount", "number", "row", "seen"],
    )


def delete_accounts(alias: str, root: type[Model], texts: Iterable[str]) -> None:
    """Forget the contributions to rows that are gone, by what their keys were stored as."""
    if texts := list(texts):
        _rows_of(alias, root, texts)._raw_delete(alias)


def delete_contributions(alias: str, pks: Collection[int]) -> None:
    """Forget contributions to rows of other objects that had the keys before."""
    if pks:
        rows_with(Contribution, alias, pk=pks)._raw_delete(alias)
