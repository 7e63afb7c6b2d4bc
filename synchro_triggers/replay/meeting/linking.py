"""Telling which object is which after both sides were made equal by hand, without writing any object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Max, Model

from ...capture.install import captured_models_on
from ...capture.keys import encode_key
from ...capture.own_tables import require_own_tables
from ...capture.schema import Schema
from ...capture.session import replaying_for
from ...capture.tables import is_of_links, natural_manager, told_by
from ...conf import Settings, get_settings, local_alias
from ...models import ChangeLog, Checkpoint, Word
from ..choices import OnProgress
from ..identity.matching import Matching
from ..identity.reference_table import ReferenceTable
from ..identity.references import Identity
from ..identity.sharing import share_names
from ..identity.telling import is_told_by_nothing
from ..plan.counters import begin_counting
from ..rows.other_spellings import OtherSpellings
from ..rows.own_rows import has_rows
from ..rows.partly_readable import is_read, read_in_part
from ..rows.selecting import rows_of, rows_with
from ..rows.utc import times_in_utc
from ..rows.values import differing
from ..schema.relations import models_in_order, with_targets
from ..schema.shape import Shape, family_labels, root_of, shape_of
from ..state.lease import Lease
from ..state.node import former_selves, require_original, require_two_databases, require_two_nodes
from ..state.sight import require_sight
from .by_fields import ByFields, require_told_apart
from .link_report import LinkCounts, LinkReport
from .row_finder import Left, RowFinder, translated
from .seen_versions import note_seen
from .words import acquainted_by_word, introduce, is_in_doubt

_CHUNK = 1000


# Long: its documentation says what each argument is, and what counts as the same object.
def link_objects(
    remote: str,
    labels: Sequence[str] | None = None,
    *,
    trust_keys: bool = False,
    by: ByFields | None = None,
    dry_run: bool = False,
    named: int | None = None,
    progress: OnProgress | None = None,
) -> LinkReport:
    """Store references for objects that are on both sides but have never been synchronised.

    An object's counterpart has the same values in the fields of ``by``, or its natural key, or else its primary key (or
    the one that it had for a former self of LOCAL, before it was flushed or became a copy) and, unless ``trust_keys``,
    the same values, but for those that were changed since, as far as the logs of both sides know.
    Those without a counterpart are new for the remote from now on (see ``meeting``); not so where none of a model has
    one, and nothing else tells them from the remote's: these stay in doubt (``LinkReport.in_doubt``).

    Args:
        remote: the alias.
        labels: only these models.
        trust_keys: the same primary key is enough.
        by: models to the fields that tell their objects from one another (``by_fields.read_by()``).
        dry_run: store references on the remote alone; the caller rolls that back.
        named: how many objects that were left are named, of each model; ``None``: all.
        progress: called with the number of LOCAL's objects that are done and of all.

    Returns:
        Counts by model label, and what was left; models that keep their primary keys, and have no natural keys, need no
        references and are not among them.

    Raises:
        Refused: LOCAL is a copy whose identity has not been settled, both sides are one database, the tables of
            one of them are not what the models say, rows are hidden, or the fields of ``by`` do not tell objects from
            one another. Nothing was linked.
        RunUnderWay: a run between both is, or somebody who links them: each would write what the other is writing.

    Example:
        >>> link_objects("main", ["shop.Item"]).models["shop.Item"].linked
        250
    """
    source, target = _both_nodes(remote)
    _require_tables(remote, labels)
    for alias in (local_alias(), remote):
        require_sight(alias)
        require_told_apart(by or {}, alias)
    report = LinkReport(named)
    with times_in_utc(local_alias(), remote), _leases_held(remote, source, target, way_back=not dry_run) as leases:
        task = _Task(remote, source, target, former_selves(remote, source), trust_keys, by or {}, dry_run, leases)
        _link_all(task, _shapes(labels, progress), report)
    return report


def require_no_run(remote: str) -> None:
    """Look whether objects can be linked now, before a transaction begins in which they are.

    Raises:
        Refused, RunUnderWay: as ``link_objects()``.
    """
    source, _ = _both_nodes(remote)
    Lease(remote, source).require_free()


@contextmanager
def _leases_held(remote: str, source: str, target: str, *, way_back: bool) -> Iterator[tuple[Lease, ...]]:
    """Have the leases of runs from LOCAL to a remote in the block, and of those back where there has been one.

    Args:
        remote: the alias.
        source, target: the node ids of LOCAL and of the remote.
        way_back: LOCAL's references are written, too.

    Yields:
        The leases, to be renewed, that of runs to the remote first.

    Raises:
        RunUnderWay: one of these runs is.
    """
    leases = [Lease(remote, source)]
    # A lease is in a checkpoint: to make one here would say that LOCAL receives from the remote.
    if way_back and has_rows(Checkpoint, local_alias(), source=target):
        leases.append(Lease(local_alias(), target))
    with ExitStack() as held:
        for lease in leases:
            held.enter_context(lease.held())
        yield tuple(leases)


@dataclass(frozen=True)
class _Task:
    """What is linked, and how: see ``link_objects()``."""

    remote: str
    source: str
    target: str
    former: Sequence[str]
    trust_keys: bool
    by: ByFields
    dry_run: bool
    leases: tuple[Lease, ...]

    def identity(self) -> Identity:
        """Return the references of both sides, of which none is read yet."""
        return Identity(self.remote, self.source, self.target, get_settings().identity)

    def leaves_in_doubt(self, shape: Shape) -> bool:
        """Tell whether what could not be linked may be on the remote all the same."""
        return is_in_doubt(self.remote, self.source, self.target, shape.model, get_settings().identity)

    def store(self, identity: Identity, shape: Shape, instances: Sequence[Any], linked: Mapping[Any, Any]) -> None:
        """Write down what was found, on the remote."""
        with transaction.atomic(using=self.remote):
            self.leases[0].renew()
            identity.store()
            if not self.dry_run and (names := get_settings().counters.get(shape.label)):
                known = {each.pk: identity.known(shape.model, each.pk) for each in instances}
                begin_counting(self.remote, shape, names, {key: to for key, to in known.items() if to is not None})

    def note(self, shape: Shape, instances: Sequence[Any], linked: Mapping[Any, Any] | None = None) -> None:
        """Write down, on LOCAL, what follows from what was linked; of kept keys (``linked`` is ``None``), from all."""
        if self.dry_run:
            return
        for lease in self.leases:
            lease.renew()
        identity = self.identity()
        if linked is not None:
            share_names(ReferenceTable(self.remote, self.source, self.target), shape.root, linked)
            instances = [instance for instance in instances if instance.pk in linked]
        _note_what_was_seen(identity, shape, instances)


def _link_all(task: _Task, shapes: Iterable[tuple[Shape, Iterator[list[Any]]]], report: LinkReport) -> None:
    for shape, chunks in shapes:
        keeps_key = task.identity().keeps_key(shape)
        if keeps_key and natural_manager(shape.model) is None:
            for chunk in chunks:
                task.note(shape, chunk)
            continue
        report.models[shape.label] = LinkCounts()
        for chunk in chunks:
            with replaying_for(task.remote, task.source):
                linked = _link(task, shape, chunk, report)
            task.note(shape, chunk, linked)
        if keeps_key:  # nobody asks
            continue
        if not report.models[shape.label].is_any_known and task.leaves_in_doubt(shape):
            report.in_doubt.append(shape.label)
        elif not task.dry_run:
            introduce(task.remote, task.source, shape.model, Word.LINKED)


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
        Refused, RunUnderWay: as ``link_objects()``.
    """
    source, _ = _both_nodes(remote)
    _require_tables(remote, labels)
    settings = get_settings()
    roots = [root for root in _models(labels, settings) if is_told_by_nothing(root, settings.identity)]
    with Lease(remote, source).held():
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


def _link(task: _Task, shape: Shape, instances: list[Any], report: LinkReport) -> dict[Any, Any]:
    """Link what has not been linked so far; return local keys to remote keys."""
    identity = task.identity()
    identity.load(shape.model, [instance.pk for instance in instances])
    new = [instance for instance in instances if identity.known(shape.model, instance.pk) is None]
    # Whatever the log says of these keys so far, it is the object of now that is linked, not one that had its key.
    identity.log.note_last(shape.model, _last_rows(shape, [instance.pk for instance in new]))
    linked: dict[Any, Any] = {}
    names = task.by.get(shape.model, ())
    with told_by(task.by):
        finder = RowFinder(identity, shape, new, task.former, task.trust_keys, names)
        for instance in new:
            found = finder.find(instance)
            if found is None or isinstance(found, Left):
                candidate = finder.candidates.get(instance.pk)
                report.leave(shape.label, instance.pk, found, candidate is not None, _is_unread(instance, candidate))
            else:
                identity.learn(shape.model, instance.pk, found)
                linked[instance.pk] = found
    counts = report.models[shape.label]
    counts.known += len(instances) - len(new)
    counts.linked += len(linked)
    task.store(identity, shape, instances, linked)
    return linked


def _is_unread(*rows: Any) -> bool:
    return not all(is_read(row) for row in rows if row is not None)


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
        values = {field.attname: translated(keys_there, field, instance) for field in shape.copied}
        if not differing(row, values):
            equal[instance.pk] = row.pk
        elif identity.known(shape.model, instance.pk) is not None:
            different.append(row.pk)
    identity.table.unsee(shape.root, different)
    note_seen(identity.table, shape.root, equal)


def _last_rows(shape: Shape, keys: Collection[Any]) -> dict[Any, int]:
    """Return the last rows that LOCAL's log has of these keys."""
    texts = {encode_key(key): key for key in keys}
    rows = rows_with(ChangeLog, local_alias(), object_pk=texts).filter(model_label__in=family_labels(shape.root))
    found = rows.order_by().values_list("object_pk").annotate(last=Max("id"))
    return {texts[text]: last for text, last in found} if texts else {}


def _chunks(shape: Shape) -> Iterator[list[Any]]:
    last = None
    while True:
        rows = rows_of(shape.model, local_alias()).order_by("pk").values_list("pk", flat=True)
        keys = list((rows.filter(pk__gt=last) if last is not None else rows)[:_CHUNK])
        if not keys:
            return
        yield sorted(read_in_part(shape.model, local_alias(), keys), key=lambda instance: instance.pk)
        last = keys[-1]
