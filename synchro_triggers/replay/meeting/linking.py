"""Telling which object is which after both sides were made equal by hand, without writing any object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Max, Model

from ...capture.install import captured_models_on
from ...capture.keys import encode_key
from ...capture.own_tables import require_own_tables
from ...capture.schema import Schema
from ...capture.session import replaying_for
from ...capture.tables import is_of_links, natural_key_of, natural_manager
from ...conf import Settings, get_settings, local_alias
from ...exceptions import ObjectNotApplied
from ...models import ChangeLog, Operation, Reference, Word
from ..choices import OnProgress
from ..identity.keys_there import KeysThere
from ..identity.matching import Matching
from ..identity.reference_table import ReferenceTable
from ..identity.references import Identity
from ..identity.sharing import share_names
from ..identity.telling import is_told_by_nothing
from ..plan.counters import begin_counting
from ..plan.rewriting import rewritten
from ..rows.other_spellings import OtherSpellings
from ..rows.partly_readable import is_read, read_in_part, was_read
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import times_in_utc
from ..rows.values import differing, local_value
from ..schema.key_columns import KeyColumn
from ..schema.relations import models_in_order, with_targets
from ..schema.shape import Shape, family_labels, key_column_at, read_key, root_of, shape_of
from ..state.node import former_selves, require_original, require_two_databases, require_two_nodes
from .seen_versions import note_seen
from .words import acquainted_by_word, introduce

_CHUNK = 1000


@dataclass(frozen=True)
class LinkCounts:
    """Objects of one model.

    Attributes:
        known: already linked.
        linked: linked now.
        unmatched: without a counterpart.
        alike: of those, how many have the key of a remote row whose values are others.
        unreadable: of those, how many have a value that cannot be read, here or in the remote row with their key.
    """

    known: int = 0
    linked: int = 0
    unmatched: int = 0
    alike: int = 0
    unreadable: int = 0

    def __add__(self, other: LinkCounts) -> LinkCounts:
        return LinkCounts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def link_objects(
    remote: str,
    labels: Sequence[str] | None = None,
    *,
    trust_keys: bool = False,
    progress: OnProgress | None = None,
) -> dict[str, LinkCounts]:
    """Store references for objects that are on both sides but have never been synchronised.

    An object's counterpart has its natural key, or else its primary key (or the one that it had for a former self of
    LOCAL, before it was flushed or became a copy) and, unless ``trust_keys``, the same values,
    but for those that were changed since, as far as the logs of both sides know.
    Those without a counterpart are new for the remote from now on (see ``meeting``).

    Args:
        remote: the alias.
        labels: only these models.
        trust_keys: the same primary key is enough.
        progress: called with the number of LOCAL's objects that are done and of all.

    Returns:
        Counts by model label; models that keep their primary keys, and have no natural keys, need no references and are
        left out.

    Raises:
        Refused: LOCAL is a copy whose identity has not been settled, both sides are one database, or the tables of
            one of them are not what the models say.
    """
    source, target = _both_nodes(remote)
    _require_tables(remote, labels)
    with times_in_utc(local_alias(), remote):
        return _link_all(remote, source, target, _shapes(labels, progress), trust_keys)


def _link_all(
    remote: str, source: str, target: str, shapes: Iterable[tuple[Shape, Iterator[list[Any]]]], trust_keys: bool
) -> dict[str, LinkCounts]:
    settings = get_settings()
    counts: dict[str, LinkCounts] = {}
    former = former_selves(remote, source)
    for shape, chunks in shapes:
        identity = Identity(remote, source, target, settings.identity)
        if identity.keeps_key(shape) and natural_manager(shape.model) is None:
            for chunk in chunks:
                _note_what_was_seen(Identity(remote, source, target, settings.identity), shape, chunk)
            continue
        total = LinkCounts()
        for chunk in chunks:
            identity = Identity(remote, source, target, settings.identity)
            with replaying_for(remote, source):
                counts_of_chunk, linked = _link(identity, shape, chunk, former, trust_keys)
                total += counts_of_chunk
                identity.store()
                if names := settings.counters.get(shape.label):
                    known = {each.pk: identity.known(shape.model, each.pk) for each in chunk}
                    begin_counting(remote, shape, names, {key: to for key, to in known.items() if to is not None})
            share_names(ReferenceTable(remote, source, target), shape.root, linked)
            _note_what_was_seen(identity, shape, [instance for instance in chunk if instance.pk in linked])
        if not identity.keeps_key(shape):  # of others nobody asks
            introduce(remote, source, shape.model, Word.LINKED)
        counts[shape.label] = total
    return counts


def _shapes(labels: Sequence[str] | None, progress: OnProgress | None) -> Iterator[tuple[Shape, Iterator[list[Any]]]]:
    """Yield the models, those that others point to first, with their objects; tell how many of them are done."""
    shapes = models_in_order([shape_of(model) for model in _models(labels, get_settings())])
    if progress is None:
        yield from ((shape, _chunks(shape)) for shape in shapes)
        return
    total = sum(rows_of(shape.model, local_alias()).count() for shape in shapes)
    done = 0

    def counted(shape: Shape) -> Iterator[list[Any]]:
        nonlocal done
        for chunk in _chunks(shape):
            yield chunk
            done += len(chunk)
            progress(done, max(total, done))

    yield from ((shape, counted(shape)) for shape in shapes)


def call_strangers(remote: str, labels: Sequence[str] | None = None) -> list[str]:
    """Store the word that no object of LOCAL without a reference is on the remote.

    Args:
        remote: the alias.
        labels: only these models.

    Returns:
        The labels of the models for which it was needed.

    Raises:
        Refused: as ``link_objects()``.
    """
    source, _ = _both_nodes(remote)
    _require_tables(remote, labels)
    settings = get_settings()
    roots = [root for root in _models(labels, settings) if is_told_by_nothing(root, settings.identity)]
    for root in roots:
        introduce(remote, source, root, Word.STRANGERS)
    return sorted(root._meta.label for root in roots)


def _both_nodes(remote: str) -> tuple[str, str]:
    require_two_databases(remote)
    for alias in (local_alias(), remote):
        require_own_tables(alias)
    require_original(local_alias())
    return require_two_nodes(remote)


def _require_tables(remote: str, labels: Sequence[str] | None) -> None:
    """Refuse to link where a column or a table is missing: values are compared, all of them, in pages.

    A natural key may lead through any table that foreign keys lead to.
    """
    models = [*with_targets(_models(labels, get_settings()))]
    for alias in (local_alias(), remote):
        Schema(alias, models).require([model._meta.label for model in models])


def _models(labels: Sequence[str] | None, settings: Settings) -> list[type[Model]]:
    """Return the roots of the captured models, and of what they bring along and nothing else tells."""
    captured = [model for model in captured_models_on(local_alias()) if not is_of_links(model)]
    roots = dict.fromkeys(root_of(model) for model in captured)
    roots.update(dict.fromkeys(acquainted_by_word(captured, settings.identity)))
    if labels is None:
        return list(roots)
    named: list[type[Model]] = [apps.get_model(label) for label in labels]
    chosen = {root_of(model) for model in named}
    return [root for root in roots if root in chosen]


def _link(
    identity: Identity, shape: Shape, instances: list[Any], former: Sequence[str], trust_keys: bool
) -> tuple[LinkCounts, dict[Any, Any]]:
    """Link what has not been linked so far; return counts, and local keys to remote keys."""
    identity.load(shape.model, [instance.pk for instance in instances])
    new = [instance for instance in instances if identity.known(shape.model, instance.pk) is None]
    candidates = _candidates(shape, identity.remote, [instance.pk for instance in new], former)
    changed = _Changed(shape, identity.remote, candidates)
    matching = Matching(identity, OtherSpellings(identity.remote))
    # Whatever the log says of these keys so far, it is the object of now that is linked, not one that had its key.
    identity.log.note_last(shape.model, _last_rows(shape, [instance.pk for instance in new]))
    linked: dict[Any, Any] = {}
    alike = unreadable = 0
    for instance in new:
        candidate = candidates.get(instance.pk)
        remote_key = _counterpart(matching, shape, instance, candidate, changed, trust_keys)
        if remote_key is not None and identity.claimed_by(shape.model, remote_key) is None:
            identity.learn(shape.model, instance.pk, remote_key)
            linked[instance.pk] = remote_key
        else:
            alike += candidate is not None
            unreadable += not all(is_read(row) for row in (instance, candidate) if row is not None)
    number = len(linked)
    return LinkCounts(len(instances) - len(new), number, len(new) - number, alike, unreadable), linked


def _note_what_was_seen(identity: Identity, shape: Shape, instances: Sequence[Model]) -> None:
    """Note that LOCAL has seen the remote's versions of objects that are equal on both sides, and not of others."""
    if len(family_labels(shape.root)) > 1:
        return  # what a child's table holds was not compared
    keys_there, remote = Matching(identity, OtherSpellings(identity.remote)).keys_there, identity.remote
    identity.load(shape.model, [instance.pk for instance in instances])
    keys = {instance.pk: identity.known(shape.model, instance.pk) or instance.pk for instance in instances}
    rows = {row.pk: row for row in read_in_part(shape.model, remote, list(keys.values()))}
    equal: dict[Any, Any] = {}
    different: list[Any] = []
    for instance in instances:
        row = rows.get(keys[instance.pk])
        if row is None or not is_read(row) or not is_read(instance):
            continue
        values = {field.attname: _translated(keys_there, field, instance) for field in shape.copied}
        if not differing(row, values):
            equal[instance.pk] = row.pk
        elif identity.known(shape.model, instance.pk) is not None:
            different.append(row.pk)
    identity.table.unsee(shape.root, different)
    note_seen(identity.table, shape.root, equal)


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


def _last_rows(shape: Shape, keys: Collection[Any]) -> dict[Any, int]:
    """Return the last rows that LOCAL's log has of these keys."""
    texts = {encode_key(key): key for key in keys}
    rows = rows_with(ChangeLog, local_alias(), object_pk=texts).filter(model_label__in=family_labels(shape.root))
    found = rows.order_by().values_list("object_pk").annotate(last=Max("id"))
    return {texts[text]: last for text, last in found} if texts else {}


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


def _counterpart(
    matching: Matching, shape: Shape, instance: Model, candidate: Model | None, changed: _Changed, trust_keys: bool
) -> Any:
    if natural_manager(shape.model) is not None:
        try:
            found = matching.by_natural_key(instance)
            is_told = found is not None or None not in natural_key_of(instance)
        except (ObjectNotApplied, ObjectDoesNotExist):
            return None  # several have it, or it leads to what is not there: nobody can tell which one it is
        except Exception as error:
            if not is_of_one_object(error):
                raise
            return None
        if is_told or matching.identity.keeps_key(shape):
            return found  # a kept key needs no reference, but where the natural key changes later
        # A natural key with a NULL in it may be that of several: key and values tell, as where there is none.
    if candidate is None or trust_keys:
        return None if candidate is None else candidate.pk
    fields = changed.unchanged(shape, instance.pk)
    if fields is None:
        return None
    read = [field for field in fields if was_read(instance, field) and was_read(candidate, field)]
    if fields and not read:
        return None
    values = {field.attname: _translated(matching.keys_there, field, instance) for field in read}
    return None if differing(candidate, values) else candidate.pk


def _translated(keys: KeysThere, field: Any, instance: Model) -> Any:
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


def _chunks(shape: Shape) -> Iterator[list[Any]]:
    last = None
    while True:
        rows = rows_of(shape.model, local_alias()).order_by("pk").values_list("pk", flat=True)
        keys = list((rows.filter(pk__gt=last) if last is not None else rows)[:_CHUNK])
        if not keys:
            return
        yield sorted(read_in_part(shape.model, local_alias(), keys), key=lambda instance: instance.pk)
        last = keys[-1]
