"""Counters of a batch's objects: what each side's users have added is added on the other side, once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import IntegerField, Model

from ...capture.keys import encode_key, logged_texts
from ...conf import local_alias
from ...exceptions import SynchroError
from ...models import ChangeLog, Operation
from ...vendors.vendor import writing_on
from ..identity.contributions import (
    Account,
    Accounts,
    Amount,
    author_at,
    delete_accounts,
    delete_contributions,
    difference,
    news,
    others_part,
    read_accounts,
    write_accounts,
)
from ..identity.reference_table import text_of
from ..identity.references import Identity
from ..log.own_windows import last_number
from ..log.window import highest_id
from ..rows.selecting import rows_with
from ..rows.values import local_value
from ..schema.keys import FormerKey
from ..schema.shape import Shape
from ..tasks import At, ObjectTask
from .context import RunContext

#: How often rows and contributions are read, at the most, until no other run has written either in between.
_TRIES = 20


class _Found(NamedTuple):
    """What is to be stored of an object.

    Attributes:
        accounts: contributions, by the names of its counters.
        anew: its row is new there.
        counted: the counters whose values are reckoned.
        silent: those of them that have grown by nothing all the same, so that no trigger sees what has come.
    """

    accounts: Accounts
    anew: bool
    counted: frozenset[str]
    silent: frozenset[str]


class Counters:
    """Reckons what counters shall hold on the remote, and stores what each node has added.

    Both sides share a beginning where each knows of an author that the other one knows: whoever made the object there.
    Then what the remote does not know yet is added. Where both have made the object, all that LOCAL knows is. Else one
    of both values counts, as of any field, and is the beginning.

    Args:
        context: where and how to write.
        identity: which remote row is which object.
    """

    def __init__(self, context: RunContext, identity: Identity) -> None:
        self._context, self._identity = context, identity
        self._tasks: dict[At, ObjectTask] = {}
        self._going: dict[At, str] = {}
        self._here: dict[Shape, dict[Any, Accounts]] = {}
        self._there: dict[At, Accounts] = {}
        self._found: dict[At, _Found] = {}
        self._of_others_here: set[int] = set()
        self._of_others_there: set[int] = set()

    @cached_property
    def _authors(self) -> tuple[str, str]:
        """As whom the users of LOCAL and of the remote count."""
        return author_at(local_alias()), author_at(self._context.remote)

    def fields_of(self, shape: Shape) -> list[Any]:
        """Return the fields of a model whose differences add up."""
        names = self._context.counters.get(shape.label)
        return [each for each in shape.copied if each.name in names] if names else []

    def expect(self, tasks: Iterable[ObjectTask]) -> None:
        """Take note of a batch's objects, whose references are read."""
        for task in tasks if self._context.counters else ():
            if not self.fields_of(task.shape):
                continue
            if task.instance is not None and not isinstance(task.key, FormerKey):
                self._tasks[task.at] = task
            elif (known := self._identity.known(task.shape.model, task.key)) is not None:
                self._going[task.at] = text_of(known)

    def counted(self, shape: Shape, key: Any) -> frozenset[str]:
        """Return the names of an object's counters whose values were reckoned: of them no version stands or falls."""
        found = self._found.get((shape.root, key))
        return found.counted if found is not None else frozenset()

    # Reckoning ------------------------------------------------------------------------------------

    def values(self, shape: Shape, key: Any, remote_key: Any, row: Model | None) -> dict[str, Any]:
        """Return what an object's counters shall hold: attribute names to values; those of no beginning are missing.

        Args:
            shape, key: the object.
            remote_key, row: its row on the remote, which is locked; ``None``: it is to be made.
        """
        at, fields = (shape.root, key), self.fields_of(shape)
        task = self._tasks.get(at) if fields else None
        if task is None or (row is not None and task.change is None):
            return {}
        here = self._load_here(shape).get(key)
        if here is None:  # it was deleted meanwhile
            return {}
        there: Accounts = {} if row is None or remote_key is None else self._load_there(shape, remote_key)
        found: dict[str, Account] = {}
        values: dict[str, Any] = {}
        silent: set[str] = set()
        for field in fields:
            account = here[field.name]
            new = news(account, there.get(field.name, {}), self._authors[1])
            if row is not None and not self._have_begun(task, remote_key, account, there.get(field.name, {})):
                found[field.name] = {**new, self._authors[1]: self._from_now_on}
                continue
            grown = difference(new, there.get(field.name, {}))
            if row is None:
                grown += account[self._authors[1]].amount if self._authors[1] in account else 0
            found[field.name] = new
            if row is not None and not grown and _amounts(new) - _amounts(there.get(field.name, {})):
                silent.add(field.name)
            before = Decimal(0) if row is None else Decimal(local_value(row, field))
            is_stored = row is not None and self._identity.has_come(shape.model, key)
            values[field.attname] = _as_value(field, before if is_stored else before + grown)
        names = frozenset(each.name for each in fields if each.attname in values)
        self._found[at] = _Found(found, row is None, names, frozenset(silent))
        return values

    def _have_begun(self, task: ObjectTask, remote_key: Any, here: Account, there: Account) -> bool:
        """Tell whether both sides share a beginning, or have begun each for itself."""
        if not {*here, self._authors[0]}.isdisjoint({*there, self._authors[1]}):
            return True
        is_new = task.is_made and not self._identity.has_reference(task.shape.model, task.key)
        return is_new and self._is_made_there(task.shape, remote_key)

    def _is_made_there(self, shape: Shape, remote_key: Any) -> bool:
        texts = logged_texts(shape.root, [remote_key]) if self._context.logs else None
        if texts is None:
            return False
        rows = rows_with(ChangeLog, self._context.remote, object_pk=texts).filter(operation=Operation.INSERT)
        return rows.filter(model_label=shape.root._meta.label).exists()

    @cached_property
    def _from_now_on(self) -> Amount:
        """The age of what the remote's users have added once it follows from another account than before."""
        if not self._context.logs:
            return Amount(Decimal(0), 0, 0)
        return Amount(Decimal(0), last_number(self._context.remote) + 1, highest_id(self._context.remote))

    # Reading --------------------------------------------------------------------------------------

    def _load_here(self, shape: Shape) -> dict[Any, Accounts]:
        """Return what LOCAL knows of a model's objects, its own users' part included, by key."""
        if shape not in self._here:
            keys = {text_of(task.key): task.key for task in self._tasks.values() if task.shape is shape}
            self._here[shape] = {
                key: {name: self._of_age(shape, key, name, account) for name, account in accounts.items()}
                for key, accounts in accounts_at(
                    local_alias(), shape, self.fields_of(shape), keys, self._of_others_here
                ).items()
            }
        return self._here[shape]

    def _of_age(self, shape: Shape, key: Any, name: str, account: Account) -> Account:
        """Return an account in which LOCAL's own part is as old as its users' last change."""
        own, row = account[self._authors[0]], self._identity.fields.last_row((shape.root, key), name)
        if row is None or own.age >= (age := (self._context.knowledge.here.of(row), row.id)):
            return account
        return {**account, self._authors[0]: Amount(own.amount, *age)}

    def _load_there(self, shape: Shape, remote_key: Any) -> Accounts:
        """Return what the remote has stored of a row."""
        at = shape.root, remote_key
        if at not in self._there:
            known = [
                self._identity.known(shape.model, each.key) for each in self._tasks.values() if each.shape is shape
            ]
            wanted = {text_of(key): key for key in (*known, remote_key) if key is not None}
            wanted = {text: key for text, key in wanted.items() if (shape.root, key) not in self._there}
            remote, logs = self._context.remote, self._context.logs
            read = read_accounts(remote, shape.root, wanted, logs=logs, others=self._of_others_there)
            self._there.update({(shape.root, key): read.get(key, {}) for key in wanted.values()})
        return self._there[at]

    # Storing --------------------------------------------------------------------------------------

    def store(self) -> None:
        """Store what has come; part of the batch's transaction, when references are stored."""
        if not (self._found or self._going) or self._context.dry_run:
            return
        remote, seen = self._context.remote, highest_id(self._context.remote) if self._context.logs else 0
        with writing_on(local_alias()) if self._of_others_here else nullcontext():
            delete_contributions(local_alias(), self._of_others_here)
        delete_contributions(remote, self._of_others_there)
        accounts: dict[type[Model], dict[str, Accounts]] = {}
        anew: dict[type[Model], set[str]] = {}
        for at, found in self._found.items():
            root, key = at
            if not self._identity.has_come(root, key):
                continue
            text = text_of(self._identity.known(root, key))
            accounts.setdefault(root, {})[text] = found.accounts
            if found.anew:
                anew.setdefault(root, set()).add(text)
        for root, some in accounts.items():
            write_accounts(remote, root, some, seen, anew=anew.get(root, ()))
        self._log_what_is_silent()
        gone: dict[type[Model], list[str]] = {}
        for (root, key), text in self._going.items():
            if self._identity.is_forgotten(root, key) and text not in accounts.get(root, ()):
                gone.setdefault(root, []).append(text)
        for root, texts in gone.items():
            delete_accounts(remote, root, texts)

    def _log_what_is_silent(self) -> None:
        """Let the remote's log speak of counters that have stayed as they were: others want to know what was added."""
        if not self._identity.asks_for_versions:
            return
        remote, rows = self._context.remote, list[ChangeLog]()
        for at, found in self._found.items():
            if found.silent and self._identity.has_come(*at):
                rows.append(
                    ChangeLog(
                        model_label=self._tasks[at].shape.label,
                        object_pk=encode_key(self._identity.known(*at)),
                        operation=Operation.UPDATE,
                        changed_fields=",".join(sorted(found.silent)),
                        origin=self._context.source,
                    )
                )
        ChangeLog._base_manager.using(remote).bulk_create(rows)


def _amounts(account: Account) -> set[tuple[str, Decimal]]:
    return {(author, each.amount) for author, each in account.items() if each.amount}


def accounts_at(
    alias: str, shape: Shape, fields: Sequence[Any], keys: Mapping[str, Any], others: set[int] | None = None
) -> dict[Any, Accounts]:
    """Return what a database knows of rows by their keys, its own users' part included.

    Args:
        alias: the database.
        shape: the model; ``fields``: its counters.
        keys: what keys are stored as, to the keys.
        others: as of ``read_accounts()``.
    """
    found: dict[Any, Accounts] = {}
    own, left, names = author_at(alias), dict(keys), [each.attname for each in fields]
    for _ in range(_TRIES):
        if not left:
            break
        before = read_accounts(alias, shape.root, left, others=others)
        rows = rows_with(shape.model, alias, pk=list(left.values())).values_list("pk", *names)
        values = {key: row for key, *row in rows}
        after = read_accounts(alias, shape.root, left)
        for key, row in values.items():
            stored = before.get(key, {})
            if stored == after.get(key, {}):  # no other run has written both in between
                held = zip(fields, row, strict=True)
                found[key] = {field.name: _with_own(own, stored.get(field.name, {}), value) for field, value in held}
        left = {text: key for text, key in left.items() if key in values and key not in found}
    if left:
        raise SynchroError(
            f"Other runs have written to counters of {shape.label} {', '.join(sorted(left)[:5])} on {alias!r} whenever "
            "they were read: nothing was written. Synchronise again."
        )
    return found


def _with_own(own: str, stored: Account, value: Any) -> Account:
    known = stored.get(own, Amount(Decimal(0), 0, 0))
    return {**stored, own: known._replace(amount=Decimal(value) - others_part(stored, own))}


def begin_counting(remote: str, shape: Shape, names: Collection[str], linked: Mapping[Any, Any]) -> None:
    """Let counters of objects that are known to be one, and hold the same on both sides, have that for a beginning.

    Others have one once a run has made them equal.

    Args:
        remote: the remote alias; a transaction is open there.
        shape: the model.
        names: of its counters.
        linked: local keys to remote keys.

    Example:
        ``begin_counting("hub", shape_of(Article), {"stock"}, {1: 7})``: 10 here and there are the same 10.
    """
    fields = [each for each in shape.copied if each.name in names]
    here = accounts_at(local_alias(), shape, fields, {text_of(key): key for key in linked})
    there = accounts_at(remote, shape, fields, {text_of(key): key for key in linked.values()})
    author, seen = author_at(remote), highest_id(remote)
    from_now_on = Amount(Decimal(0), last_number(remote) + 1, seen)
    accounts: dict[str, dict[str, Account]] = {}
    for key, remote_key in linked.items():
        for name, account in here.get(key, {}).items():
            other = there.get(remote_key, {}).get(name)
            if other is not None and account.keys().isdisjoint(other) and _total(account) == _total(other):
                begun = {**news(account, {}, author), author: from_now_on}
                accounts.setdefault(text_of(remote_key), {})[name] = begun
    write_accounts(remote, shape.root, accounts, seen)


def _total(account: Account) -> Decimal:
    return others_part(account, "")


def _as_value(field: Any, amount: Decimal) -> Any:
    return int(amount) if isinstance(field, IntegerField) else amount
