"""Links that both sides changed: the remote's own users have removed what LOCAL adds, or added what it removes.

A link has no reference: it is known by its two ends. What the remote's log says of a link that is gone stands in the
values that its delete has stored. Nobody notes who has made, or removed, a link that LOCAL has received: where the
remote has seen all that it may come from, what the remote has is as new or newer, and stands.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import Q

from ...capture.keys import encode_key
from ...conf import local_alias
from ...models import ChangeLog, Operation
from ...moment import as_utc
from ..identity.references import Identity
from ..log.changes import Change
from ..log.own_windows import own_rows
from ..rows.selecting import linked_pairs, rows_with
from ..rows.values import logged_values
from ..schema.link_shapes import LinkShape
from ..state.knowing import Knowing, read_knowledge
from ..tasks import LinkTask
from .conflicts import Conflict
from .context import RunContext

#: The keys of both ends.
Pair = tuple[Any, Any]


class Wanted(NamedTuple):
    """A link as LOCAL has it: whether it exists, what was logged of it, and its ends there."""

    exists: bool
    change: Change
    here: Pair

    @property
    def is_received(self) -> bool:
        """Whether others have made the link what it is now; what has may come in another batch."""
        return _is_received(self.exists, self.change)


class _Event(NamedTuple):
    """What a log says of a link last: the key of its row, the id of the log's, and the time."""

    key: str
    id: int
    time: datetime.datetime


class LinkConflicts:
    """Finds conflicts of links, and those of which the remote knows better."""

    def __init__(self, context: RunContext, identity: Identity) -> None:
        self._context = context
        self._identity = identity

    def among(self, shape: LinkShape, tasks: Iterable[LinkTask]) -> dict[Pair, Conflict]:
        """Return the conflicts among the links of one table whose ends are known on the remote, by those ends.

        Settled ones are none: the remote has seen what LOCAL brings, and what came after it.
        """
        if not self._may_be_any(shape.through._meta.label, tasks):
            return {}
        known = self._identity.known
        wanted = {
            (owner, target): Wanted(exists, change, (task.owner, key))
            for task in tasks
            if (owner := known(shape.source_model, task.owner)) is not None
            for key, (exists, change) in task.targets.items()
            if (target := known(shape.target_model, key)) is not None
        }
        return self._find(shape, wanted) if wanted else {}

    def _find(self, shape: LinkShape, wanted: Mapping[Pair, Wanted]) -> dict[Pair, Conflict]:
        context, label = self._context, shape.through._meta.label
        linked = linked_pairs(shape.through, shape.ends, context.remote, wanted)
        adding = {pair for pair, each in wanted.items() if each.exists and pair not in linked}
        removing = {pair: linked[pair] for pair, each in wanted.items() if not each.exists and pair in linked}
        found = self._seen_there(label, {pair: wanted[pair] for pair in (*adding, *removing)})
        adding, removing = adding - found.keys(), {pair: key for pair, key in removing.items() if pair not in found}
        events = self._removed_there(shape, adding) if adding else {}
        events |= self._added_there(shape, removing) if removing else {}
        events = {pair: event for pair, event in events.items() if self._is_news(shape, wanted[pair], event)}
        if not (events := self._unknown_here(label, events)):
            return found
        received = self._received_here(shape, min(event.time for event in events.values()))
        for pair, event in events.items():
            _, change, here = wanted[pair]
            if received.get(here, _NEVER) < event.time:
                found[pair] = Conflict(label, change.key, event.key, change.logged_at, event.time)
        return found

    def _may_be_any(self, label: str, tasks: Iterable[LinkTask]) -> bool:
        """Tell whether it is worth while to read which links the remote has."""
        context = self._context
        if not context.logs:
            return False
        if context.users_changes.speak_of(label):
            return True
        some = any(_is_received(*each) for task in tasks for each in task.targets.values())
        return some and self._remote_has_seen_all(label, context.knowledge.local)

    def _seen_there(self, label: str, differing: Mapping[Pair, Wanted]) -> dict[Pair, Conflict]:
        """Return those of the links that differ which the remote has as it has them having seen LOCAL's."""
        received = {pair: each.change for pair, each in differing.items() if each.is_received}
        if not received or not self._remote_has_seen_all(label, self._context.knowledge.local):
            return {}
        # What the run knows of LOCAL was read before the window was opened, and there may be later rows in that.
        if not self._remote_has_seen_all(label, read_knowledge(local_alias(), self._context.source)):
            return {}
        return {
            pair: Conflict(label, change.key, change.key, change.logged_at, change.logged_at, settled=True)
            for pair, change in received.items()
        }

    def _remote_has_seen_all(self, label: str, local: Knowing) -> bool:
        """Tell whether the remote has seen whatever LOCAL may have received from others of the links of a table.

        It is asked of links that LOCAL has received: nobody notes who has made, or removed, them. What has come there
        later, or what the remote's users have done since, is what the remote has.
        """
        came, remote = local.received.values(), self._context.knowledge.remote.of([label])
        if local.came_with or local.lacks_some or local.keeps_failures([label]):
            return False
        if any(each.window_end or (each.position and not each.number) for each in came):
            return False
        own = self._context.source
        return all(remote.get(author, 0) >= number for author, number in local.of([label]).items() if author != own)

    def _log(self, alias: str, shape: LinkShape, origin: str) -> Any:
        rows = ChangeLog.objects.using(alias).filter(model_label=shape.through._meta.label, origin=origin)
        return rows.order_by("id")

    def _removed_there(self, shape: LinkShape, pairs: Iterable[Pair]) -> dict[Pair, _Event]:
        """Return those of the links that the remote's users were the last to remove."""
        removed = self._log(self._context.remote, shape, "").exclude(operation=Operation.INSERT)
        events: dict[Pair, _Event] = {}
        for pair, event in _pairs(shape, removed, self._context.remote):
            events[pair] = event
        events = {pair: events[pair] for pair in pairs if pair in events}
        if events:
            replayed = self._log(self._context.remote, shape, self._context.source).exclude(operation=Operation.INSERT)
            replayed = replayed.filter(id__gt=min(event.id for event in events.values()))
            for pair, event in _pairs(shape, replayed, self._context.remote):
                if pair in events and events[pair].id < event.id:
                    del events[pair]
        return events

    def _added_there(self, shape: LinkShape, rows: Mapping[Pair, Any]) -> dict[Pair, _Event]:
        """Return those of the links that the remote's users were the last to add."""
        by_text = {encode_key(key): pair for pair, key in rows.items()}
        logged = rows_with(ChangeLog, self._context.remote, object_pk=by_text)
        logged = logged.filter(model_label=shape.through._meta.label).order_by("id")
        last = {
            text: (origin, _Event(text, row_id, as_utc(time)))
            for text, origin, row_id, time in logged.values_list("object_pk", "origin", "id", "logged_at")
        }
        return {by_text[text]: event for text, (origin, event) in last.items() if not origin}

    def _is_news(self, shape: LinkShape, wanted: Wanted, event: _Event) -> bool:
        """Tell whether something has happened since the ends of a link have met their rows."""
        ends = zip((shape.source_model, shape.target_model), wanted.here, strict=True)
        met = [met_at for end in ends if (met_at := self._identity.met_at(*end)) is not None]
        return all(as_utc(met_at) <= event.time for met_at in met)

    def _unknown_here(self, label: str, events: Mapping[Pair, _Event]) -> dict[Pair, _Event]:
        """Return what LOCAL has not seen of the remote's changes: what it has seen was decided then."""
        if not events:
            return {}
        context = self._context
        rows = own_rows(context.remote, [event.id for event in events.values()])
        seen = context.knowledge.local.of([label]).get(context.node, 0)
        numbers = {id_: context.knowledge.there.of(row) for id_, row in rows.items()} if seen else {}
        return {pair: event for pair, event in events.items() if numbers.get(event.id, seen + 1) > seen}

    def _received_here(self, shape: LinkShape, since: datetime.datetime) -> dict[Pair, datetime.datetime]:
        """Return when LOCAL has received, from the remote, a change of links: it knew of it when it changed them."""
        logged = self._log(local_alias(), shape, self._context.node).filter(logged_at__gte=since)
        received = {pair: event.time for pair, event in _pairs(shape, logged.exclude(operation="I"), local_alias())}
        added = {text: as_utc(time) for text, time in logged.values_list("object_pk", "logged_at")}
        if added:  # of those that are gone, the delete says which they were
            gone = rows_with(ChangeLog, local_alias(), object_pk=added).filter(model_label=shape.through._meta.label)
            for pair, event in _pairs(shape, gone.filter(~Q(operation="I")), local_alias()):
                received[pair] = max(received.get(pair, _NEVER), added[event.key])
            for row in rows_with(shape.through, local_alias(), pk=[int(text) for text in added if text.isdecimal()]):
                pair = (getattr(row, shape.source_attname), getattr(row, shape.target_attname))
                received[pair] = max(received.get(pair, _NEVER), added[encode_key(row.pk)])
        return received


def _is_received(exists: bool, change: Change) -> bool:
    return change.logged and exists is not change.deleted and not change.own


_NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _pairs(shape: LinkShape, logged: Any, alias: str) -> Iterator[tuple[Pair, _Event]]:
    """Yield the links of which rows of a log have stored the ends, as far as they can be looked up."""
    for text, row_id, time, old in logged.values_list("object_pk", "id", "logged_at", "old_values"):
        values = logged_values(shape.through, old, alias) if old else {}
        if shape.why_not_findable(values) is None:
            yield tuple(values.get(end) for end in shape.ends), _Event(text, row_id, as_utc(time))  # type: ignore[misc]
