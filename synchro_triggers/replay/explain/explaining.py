"""Asking LOCAL and each remote for everything that they know of one object; nothing is changed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Model, Q, QuerySet

from ...capture import install
from ...capture.keys import decode_key, encode_key, logged_texts
from ...capture.own_tables import require_own_tables
from ...capture.schema import Schema
from ...capture.tables import captured_models, natural_manager
from ...conf import get_settings, local_alias
from ...exceptions import SynchroConfigurationError, SynchroError
from ...key_texts import printable_key, read_full_key, stored_key
from ...masking import without_credentials
from ...models import ChangeLog, Checkpoint, Conflict, Direction, Failure, Operation, Outcome, Reference
from ...moment import as_utc
from ...reaching import clear_errors
from ..compare.explained import two_ways
from ..counterparts import counterparts
from ..identity.telling import keeps_key
from ..log.vendor import log_of
from ..on_record.listing import RecordedConflict, aliases_of_nodes, recorded
from ..plan.fence import Fence
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import zone_of
from ..rows.values import logged_values
from ..rows.vendor import fetch_texts
from ..schema.common_columns import copied
from ..schema.shape import Shape, concrete_of, family_labels, model_of, read_key, shape_of
from ..schema.unique_sets import natural_set
from ..state.node import node_id, require_two_databases
from ..status.remote import why_refused
from ..status.runs import last_runs, runs_around
from .next_run import Facts, FoundBy, what_next
from .parts import Explanation, KeptFailure, KnownName, Logged, OnLocal, OnRemote

#: How many of the newest rows of the log are shown; how many runs.
_ROWS, _RUNS = 20, 3


@dataclass(frozen=True)
class _Asked:
    """The object.

    Attributes:
        shape: of its model.
        key: its key on LOCAL.
        labels: under which logs and records may speak of it.
        texts: as what they may spell its key.
    """

    shape: Shape
    key: Any
    labels: tuple[str, ...]
    texts: tuple[str, ...]


def explain(label: str, key: str, remotes: Sequence[str]) -> tuple[Explanation, list[SynchroError]]:
    """Return what is known of an object, and the errors of the remotes that could not be asked.

    Args:
        label: ``app.Model``.
        key: its primary key on LOCAL, as the log has it: a text, of several fields as JSON.
        remotes: aliases.

    Raises:
        SynchroConfigurationError: there is no such model, it is not captured, the text is no key of it, or nobody knows
            of such an object.
        Refused: tables of this package are missing, or the object's.
        DatabaseUnreachable: LOCAL is down.
    """
    shape = shape_of(_captured_model(label))
    problems: list[SynchroError] = []
    with clear_errors(local_alias()):
        require_own_tables(local_alias())
        _require_table(local_alias(), shape)
        asked = _asked(shape, key)
        local = _on_local(asked)
    found: list[OnRemote] = []
    for alias in remotes:
        try:
            with clear_errors(local_alias(), alias):
                _require_table(alias, shape)
                found.append(_on_remote(alias, asked, local))
        except SynchroError as error:
            problems.append(error)
            found.append(OnRemote(alias, error=without_credentials(str(error))))
    if not (local.there or local.log_rows or local.names or local.conflicts or problems or any(map(_knows, found))):
        where = ", ".join(map(repr, [local.database, *remotes]))
        raise SynchroConfigurationError(
            f"Nobody knows of {shape.label} {key}: it is not on {local.database!r}, and nothing in the log or in the "
            f"references, failures and conflicts of {where} speaks of it. KEY is its primary key on {local.database!r}."
        )
    skipped = tuple(field.name for field in shape.skipped)
    local = _named(local, {remote.node: remote.remote for remote in found if remote.node})
    return Explanation(shape.label, printable_key(encode_key(asked.key)), skipped, local, tuple(found)), problems


def _require_table(alias: str, shape: Shape) -> None:
    """Refuse to ask a database that is a migration behind; a column that can be done without keeps nobody."""
    models = {shape.root, shape.model}
    Schema(alias, models, alias, receives=False).require([model._meta.label for model in models])


def _knows(remote: OnRemote) -> bool:
    return bool(remote.key is not None or remote.names or remote.failure or remote.conflicts)


def _captured_model(label: str) -> type[Model]:
    model = model_of(label) or next(
        (each for each in captured_models(get_settings().models) if each._meta.label_lower == label.lower()), None
    )
    if model is None:
        raise SynchroConfigurationError(f"There is no model {label!r}; write 'app.Model'.")
    model = concrete_of(model)
    if model not in captured_models(get_settings().models):
        raise SynchroConfigurationError(
            f"{model._meta.label} is not captured: it is not in SYNCHRO_MODELS, and so never synchronised by itself; "
            "list it there first."
        )
    return model


def _asked(shape: Shape, text: str) -> _Asked:
    try:
        key = decode_key(shape.root, text, zone_of(local_alias()))
    except (ValueError, ArithmeticError, TypeError, ValidationError) as error:
        raise SynchroConfigurationError(
            f"{text!r} is no primary key of {shape.label}: write it as the log has it, of several fields as a JSON "
            "list."
        ) from error
    labels = family_labels(shape.root)
    texts = logged_texts(shape.root, [key])
    return _Asked(shape, key, labels, tuple(sorted({encode_key(key), *(_spellings(shape, key, labels, texts))})))


def _spellings(shape: Shape, key: Any, labels: Iterable[str], texts: set[str] | None) -> Iterable[str]:
    """Return the texts under which LOCAL's log has a key: where the vendor's way tells, all that it has are read."""
    if texts is not None:
        return texts
    marks, zone, wanted = ", ".join(["%s"] * len(list(labels))), zone_of(local_alias()), encode_key(key)
    rows = fetch_texts(
        connections[local_alias()],
        f"SELECT DISTINCT object_pk FROM synchro_triggers_changelog WHERE model_label IN ({marks})",
        list(labels),
    )
    return [text for (text,) in rows if encode_key(read_key(shape.root, text, zone)) == wanted]


# LOCAL --------------------------------------------------------------------------------------------


def _on_local(asked: _Asked) -> OnLocal:
    alias = local_alias()
    number, log = _log(asked)
    records = Conflict._base_manager.using(alias).filter(
        model_label__in=asked.labels, remote_pk__in=[stored_key(text) for text in asked.texts]
    )
    return OnLocal(
        database=alias,
        node=node_id(alias),
        there=rows_with(asked.shape.model, alias, pk=[asked.key]).exists(),
        names=_names(alias, _references(alias, asked.shape, remote=asked.texts)),
        log_rows=number,
        log=log,
        conflicts=_conflicts(alias, records),
    )


def _log(asked: _Asked) -> tuple[int, tuple[Logged, ...]]:
    """Return how many rows LOCAL's log has of the object, and the newest; it has no index on objects, and is read."""
    alias, log, params = local_alias(), log_of(connections[local_alias()]), [*asked.labels, *asked.texts]
    where = (
        f"model_label IN ({', '.join(['%s'] * len(asked.labels))})"
        f" AND object_pk IN ({', '.join(['%s'] * len(asked.texts))})"
    )
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM synchro_triggers_changelog WHERE {where}", params)
        number = int(cursor.fetchone()[0])
    rows = fetch_texts(
        connections[alias],
        f"SELECT id, model_label, operation, changed_fields, {log.logged_at('logged_at')}, origin"
        f" FROM synchro_triggers_changelog WHERE {where} ORDER BY id DESC LIMIT {_ROWS}",
        params,
    )
    aliases = aliases_of_nodes(alias)
    return number, tuple(
        Logged(int(row), model, operation, printable_key(fields), log.time_or_none(at), aliases.get(origin) or origin)
        for row, model, operation, fields, at, origin in rows
    )


def _named(local: OnLocal, aliases: dict[str, str]) -> OnLocal:
    """Call the remotes by their aliases: LOCAL itself knows only of those to which it has sent something."""
    names = tuple(
        replace(each, maker=aliases.get(each.maker, each.maker), author=aliases.get(each.author or "", each.author))
        for each in local.names
    )
    log = tuple(replace(each, origin=aliases.get(each.origin, each.origin)) for each in local.log)
    return replace(local, names=names, log=log)


# A remote -----------------------------------------------------------------------------------------


def _on_remote(alias: str, asked: _Asked, local: OnLocal) -> OnRemote:
    require_two_databases(alias)
    require_own_tables(alias)
    shape, source, node = asked.shape, local.node, node_id(alias)
    key = counterparts(shape.model, [asked.key], alias).get(asked.key)
    there = () if key is None else (encode_key(key),)
    way, back = two_ways(alias, source, node, logs=install.captures(alias))
    references = [
        *_references(alias, shape, remote=there),
        *_references(alias, shape, local=asked.texts).filter(source=source),
    ]
    newest = local.log[0] if local.log else None
    facts = Facts(
        local=local.database,
        remote=alias,
        refused=_why_refused(alias, source, shape),
        last_refused=_why_the_last_was_refused(alias),
        there=local.there,
        newest=newest,
        key=None if key is None else printable_key(encode_key(key)),
        found_by=_found_by(shape),
        taken_over=_taken_over(alias, asked, local),
        pending=bool(way.pending(shape.root, asked.labels, [asked.key])),
        came_from_there=newest is not None and newest.origin in {alias, node},
        remote_won=any(each.remote_won and each.source == source for each in references),
        failure=_failure(alias, source, asked),
        now=datetime.datetime.now(datetime.UTC),
    )
    back_of_it = back is not None and key is not None and bool(back.pending(shape.root, asked.labels, [key]))
    return _told(alias, asked, local, facts, node, _names(alias, references), pending_back=back_of_it)


def _why_the_last_was_refused(alias: str) -> str:
    runs = (run for run in last_runs(alias, _RUNS) if run.direction == Direction.PUSH and run.outcome != Outcome.BUSY)
    last = next(runs, None)
    return last.error if last is not None and last.outcome == Outcome.REFUSED else ""


def _found_by(shape: Shape) -> FoundBy:
    if natural_manager(shape.model) is not None:
        return FoundBy.NATURAL_KEY
    return FoundBy.KEY if keeps_key(shape, get_settings().identity) else FoundBy.NOTHING


def _taken_over(alias: str, asked: _Asked, local: OnLocal) -> str:
    """Return which object of LOCAL has a deleted one's natural key, and so a row on the remote; ``""``: none has."""
    newest = local.log[0] if local.log else None
    if local.there or newest is None or newest.operation != Operation.DELETE:
        return ""
    old = (
        ChangeLog._base_manager.using(local.database).filter(pk=newest.id).values_list("old_values", flat=True).first()
    )
    if not old:
        return ""
    for natural in natural_set(asked.shape):
        try:
            values = logged_values(asked.shape.model, old)
        except (ValueError, TypeError, ArithmeticError, AttributeError, ValidationError):  # no trigger has written that
            return ""
        given = {field.attname: values.get(field.attname) for field in natural.fields}
        if None not in given.values():
            others = rows_of(asked.shape.model, local.database).filter(**given).values_list("pk", flat=True)[:1]
            for other in counterparts(asked.shape.model, list(others), alias):
                return f"{asked.shape.label} {printable_key(encode_key(other))}"
    return ""


def _told(
    alias: str,
    asked: _Asked,
    local: OnLocal,
    facts: Facts,
    node: str,
    names: tuple[KnownName, ...],
    *,
    pending_back: bool,
) -> OnRemote:
    newest = facts.newest
    records = Conflict._base_manager.using(alias).filter(
        source=local.node, model_label__in=asked.labels, local_pk__in=[stored_key(text) for text in asked.texts]
    )
    return OnRemote(
        remote=alias,
        node=node,
        key=facts.key,
        names=names,
        pending=facts.pending,
        left_out=_left_out(alias, asked.shape),
        pending_back=pending_back,
        failure=facts.failure,
        conflicts=_conflicts(alias, records),
        runs=tuple(runs_around(alias, newest.at, _RUNS)) if newest is not None and newest.at is not None else (),
        next=what_next(facts),
    )


def _why_refused(alias: str, source: str, shape: Shape) -> str:
    checkpoint = Checkpoint._base_manager.using(alias).filter(source=source).first() or Checkpoint(source=source)
    if refused := why_refused(alias, checkpoint):
        return refused
    if wrong := install.compare(local_alias()).faults():
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return (
            f"the triggers on {local_alias()!r} do not fit: {wrong[0]}{more}; run `manage.py synchro_install_triggers`"
        )
    lagging = Fence(alias, None).schema.there.lagging([shape.label])
    return "; ".join(f"{text}; run `manage.py migrate --database {alias}`" for text in lagging.values())


def _left_out(alias: str, shape: Shape) -> tuple[str, ...]:
    lacking = map(copied, Fence(alias, None).schema.missing([shape.label]))
    return tuple(sorted({field.name for fields in lacking for field in fields}))


def _failure(alias: str, source: str, asked: _Asked) -> KeptFailure | None:
    texts = [stored_key(text) for text in asked.texts]
    kept = rows_with(Failure, alias, object_pk=texts).filter(source=source, model_label__in=asked.labels).first()
    if kept is None:
        return None
    return KeptFailure(
        error=without_credentials(kept.error),
        attempts=kept.attempts,
        first_at=as_utc(kept.first_at),
        last_at=as_utc(kept.last_at),
        next_at=as_utc(kept.next_at) if kept.next_at is not None else None,
    )


# Both ---------------------------------------------------------------------------------------------


def _references(
    alias: str, shape: Shape, *, remote: Sequence[str] = (), local: Sequence[str] = ()
) -> QuerySet[Reference]:
    """Return the references of a database to rows with some keys there, or from objects with some keys elsewhere."""
    chosen = Q(remote_pk__in=list(map(stored_key, remote))) if remote else Q(local_pk__in=list(map(stored_key, local)))
    return rows_of(Reference, alias).filter(chosen, model_label=shape.root._meta.label).order_by("id")


def _names(alias: str, references: Iterable[Reference]) -> tuple[KnownName, ...]:
    aliases = aliases_of_nodes(alias)
    found = {each.pk: each for each in references}
    return tuple(_name(each, aliases) for each in found.values())


def _name(reference: Reference, aliases: dict[str, str]) -> KnownName:
    author = reference.author or reference.source
    at = None
    if reference.time is not None:
        at = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(microseconds=reference.time)
    return KnownName(
        maker=aliases.get(reference.source) or reference.source,
        key=printable_key(read_full_key(reference.local_pk, reference.local_text)),
        ended=bool(reference.ended) or reference.gone is not None,
        author=None if reference.number is None else aliases.get(author, author),
        number=reference.number,
        at=at,
        remote_won=reference.remote_won,
    )


def _conflicts(alias: str, records: QuerySet[Conflict]) -> tuple[RecordedConflict, ...]:
    aliases = aliases_of_nodes(alias)
    return tuple(recorded(alias, each, aliases) for each in records.order_by("-id"))
