"""The conflicts that databases have on record, for people and for programs."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import QuerySet

from ...capture.own_tables import require_own_tables
from ...conf import chosen_remotes, local_alias
from ...exceptions import SynchroConfigurationError
from ...key_texts import printable_key
from ...models import Conflict, MetNode
from ...reaching import clear_errors
from ..rows.shown_values import FieldDifference, difference_of
from ..rows.value_texts import shown
from ..schema.shape import model_of, shown_key
from ..state.node import node_id
from ..state.totals import delete_conflicts


@dataclass(frozen=True)
class RecordedConflict:
    """A conflict as it is on record.

    Attributes:
        database: the alias of the database that has it on record: the remote of the run that has decided it.
        id: its number there.
        model: the label, ``app.Model``; of a link that of its table.
        local_key, remote_key: the primary keys as text: at the sender, and in the database that has it on record.
        kind: ``update/update``, ``update/delete``, ``delete/update``, ``create/create`` or ``links``.
        sender: whose run it was: an alias, where one is known, else the node's identity.
        local_author, remote_author: whose users have made the versions, in the same way; ``""``: not known.
        local_at, remote_at: when; ``None``: not known.
        rule: what has decided.
        result: ``local`` (the sender's), ``remote`` or ``merged``.
        decided_at: when.
        taken, taken_at: what was taken afterwards, and when; ``""``: nothing, the conflict is open.
    """

    database: str
    id: int
    model: str
    local_key: str
    remote_key: str
    kind: str
    sender: str
    local_author: str
    remote_author: str
    local_at: datetime.datetime | None
    remote_at: datetime.datetime | None
    rule: str
    result: str
    decided_at: datetime.datetime
    taken: str
    taken_at: datetime.datetime | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has said since that the decision was right, or decided otherwise."""
        return not self.taken

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            **asdict(self),
            **{
                name: time.isoformat() if (time := getattr(self, name)) is not None else None
                for name in ("local_at", "remote_at", "decided_at", "taken_at")
            },
        }


def conflicts(
    remotes: str | Sequence[str] | None = None,
    *,
    models: Iterable[str] | None = None,
    limit: int | None = None,
    only_local: bool = False,
) -> list[RecordedConflict]:
    """See ``synchro_triggers.conflicts``, which this is; ``only_local``: those that LOCAL has on record alone."""
    found: list[RecordedConflict] = []
    for alias in databases_with_records([remotes] if isinstance(remotes, str) else remotes, only_local=only_local):
        with clear_errors(local_alias(), alias):
            rows = records_of(alias)
            if models is not None:
                rows = rows.filter(model_label__in=_labels(models))
            aliases = aliases_of_nodes(alias)
            found += (recorded(alias, each, aliases) for each in rows.order_by("-id"))
    found.sort(key=lambda each: (each.is_open, each.decided_at, each.id), reverse=True)
    return found[:limit]


def _labels(models: Iterable[str]) -> list[str]:
    labels = []
    for label in models:
        model = model_of(label)
        if model is None:
            raise SynchroConfigurationError(f"There is no model {label!r}; write 'app.Model'.")
        links: list[Any] = [field.remote_field.through for field in model._meta.local_many_to_many]
        labels += [model._meta.label, *(each._meta.label for each in links if each._meta.auto_created)]
    return labels


def databases_with_records(remotes: Sequence[str] | None, *, only_local: bool = False) -> list[str]:
    """Return the aliases that are asked: those that a caller names, else LOCAL and those of ``SYNCHRO_REMOTE``."""
    if only_local:
        return [local_alias()]
    if remotes:
        return list(dict.fromkeys(alias for name in remotes for alias in chosen_remotes(name)))
    return [local_alias(), *chosen_remotes(None)]


def records_of(alias: str) -> QuerySet[Conflict]:
    """Return what a database has on record of LOCAL's runs; LOCAL itself: of everybody's.

    Raises:
        Refused: the tables of this package are missing there.
    """
    require_own_tables(alias)
    rows: QuerySet[Conflict] = QuerySet(Conflict, using=alias)
    return rows if alias == local_alias() else rows.filter(source=node_id(local_alias()))


def find_record(number: int, aliases: Sequence[str]) -> tuple[str, Conflict]:
    """Return a record by its number, and the database that has it.

    Raises:
        SynchroConfigurationError: none has it, or several have.
    """
    found: list[tuple[str, Conflict]] = []
    for alias in aliases:
        with clear_errors(local_alias(), alias):
            found += ((alias, each) for each in records_of(alias).filter(pk=number))
    if len(found) == 1:
        return found[0]
    if not found:
        raise SynchroConfigurationError(_why_not_found(number, aliases))
    raise SynchroConfigurationError(
        f"There is a conflict {number} on record in {' and in '.join(repr(alias) for alias, _ in found)}: say which, "
        f"with --remote, or with --here for that of {local_alias()!r}."
    )


def _why_not_found(number: int, aliases: Sequence[str]) -> str:
    """Say where a conflict can be decided that is none of LOCAL's, or where to look for it."""
    for alias in aliases:
        with clear_errors(local_alias(), alias):
            rows: QuerySet[Conflict] = QuerySet(Conflict, using=alias)
            if (other := rows.filter(pk=number).first()) is not None:
                sender = aliases_of_nodes(alias).get(other.source, other.source)
                return (
                    f"Conflict {number} on {alias!r} was met by a run of {sender!r}, not of {local_alias()!r}: "
                    f"`manage.py synchro_conflicts --here` in the project of {alias!r} lists and decides it."
                )
    where = " or ".join(map(repr, aliases))
    return (
        f"There is no conflict {number} on record in {where}: `manage.py synchro_conflicts` lists them. "
        "What other databases have on record is shown and decided in their own projects."
    )


def aliases_of_nodes(alias: str) -> dict[str, str]:
    """Return the aliases of the nodes that LOCAL has met, by their identities."""
    met = dict(MetNode._base_manager.using(local_alias()).values_list("node_id", "alias"))
    return {**met, node_id(local_alias()): local_alias(), node_id(alias): alias}


def recorded(alias: str, record: Conflict, aliases: Mapping[str, str]) -> RecordedConflict:
    """Return a record for people."""
    said = {name: aliases.get(node := getattr(record, name), node) for name in ("local_author", "remote_author")}
    return RecordedConflict(
        database=alias,
        id=record.pk,
        model=record.model_label,
        local_key=printable_key(shown_key(record.model_label, record.local_key)),
        remote_key=printable_key(record.remote_key),
        kind=record.kind,
        sender=aliases.get(record.source, record.source),
        **said,
        **{name: getattr(record, name) for name in ("local_at", "remote_at", "rule", "result", "decided_at")},
        taken=record.taken,
        taken_at=record.taken_at,
    )


def versions_of(record: Conflict) -> tuple[dict[str, Any] | None, dict[str, Any] | None, dict[str, Any] | None]:
    """Return the values of both versions, and of what was merged, as JSON; ``None``: gone, or nothing was merged."""
    texts = record.local_values, record.remote_values, record.merged_values
    one, other, merged = (None if text is None else json.loads(text) for text in texts)
    return one, other, merged


def fields_of(record: Conflict) -> list[tuple[FieldDifference, bool]]:
    """Return each field with the values of both versions, as people may see them, and whether they differ."""
    model = model_of(record.model_label)
    here, there, _ = versions_of(record)
    names = dict.fromkeys([*(here or ()), *(there or ())])
    fields = {field.name: field for field in model._meta.concrete_fields} if model is not None else {}
    return [
        (
            difference_of(
                fields.get(name) or _Named(name),
                None if here is None else shown(here.get(name)),
                None if there is None else shown(there.get(name)),
            ),
            here is None or there is None or here.get(name) != there.get(name),
        )
        for name in names
    ]


@dataclass(frozen=True)
class _Named:
    """A field that the model does not have any more."""

    name: str


def forget(numbers: Sequence[int], before: datetime.timedelta | None, aliases: Sequence[str]) -> int:
    """Take conflicts off the record: those of these numbers, or those that were decided before; return how many."""
    forgotten = 0
    chosen = [find_record(number, aliases) for number in numbers]
    for alias, record in chosen:
        with clear_errors(local_alias(), alias):
            forgotten += delete_conflicts(alias, records_of(alias).filter(pk=record.pk))
    if before is not None:
        limit = datetime.datetime.now(datetime.UTC) - before
        for alias in aliases:
            with clear_errors(local_alias(), alias):
                forgotten += delete_conflicts(alias, records_of(alias).filter(decided_at__lt=limit))
    return forgotten
