"""Objects that nobody observes, deleted many at a time, with a fixed number of queries for each model.

Those on which something hangs that stays are given back, and are then deleted one by one: the ORM knows what becomes
of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Model

from ...capture.tables import natural_manager
from ...django_inside.content_types import forget_content_types
from ..errors import reraise_if_hopeless
from ..plan.cascades import number_of_links
from ..plan.decisions import Action, decide_delete
from ..rows.selecting import rows_with
from ..rows.statements import can_write_many
from ..schema.findable import is_hashable
from ..schema.keys import FormerKey
from ..schema.relations import columns_leading_to, generic_relations, hanging_on, has_odd_relations, links_to
from ..schema.shape import Shape, concrete_of, is_parent_link, points_to_key, root_of, tables_of
from ..tasks import At, ObjectTask
from .announced import Announced
from .known import Known
from .outcomes import Outcomes


class BulkDeletes:
    """Deletes the unobserved objects of a batch."""

    def __init__(self, known: Known, announced: Announced, outcomes: Outcomes) -> None:
        self._identity, self._living, self._remote = known.identity, known.matching.living, known.remote
        self._remote_changes, self._announced, self._outcomes = known.remote_changes, announced, outcomes
        self._unseen = known.unseen
        self._links: Counter[type[Model]] = Counter()

    def apply(self, tasks: Sequence[ObjectTask]) -> list[ObjectTask]:
        """Delete objects on which nothing hangs that stays; return those that are done."""
        going = {at: task for task in tasks if (at := self._row_alone(task)) is not None}
        self._keep_what_is_not_deleted(going)
        self._keep_what_others_hang_on(going)
        if not going:
            return []
        self._links.clear()
        gone: list[tuple[Shape, list[tuple[ObjectTask, Any]]]] = []
        try:
            with transaction.atomic(using=self._remote):
                for shape, by_key in self._alike(going):
                    deleted = self._delete_while_there_is_time(shape, list(by_key))
                    gone.append((shape, [(by_key[remote_key], remote_key) for remote_key in deleted]))
                    if len(deleted) < len(by_key):
                        break
        except Exception as error:
            forget_content_types()
            reraise_if_hopeless(error, self._remote)
            return []
        for through, number in self._links.items():
            self._outcomes.report.count(through._meta.label, "deleted", number)
        for shape, done in gone:
            self._outcomes.note_many(Action.DELETE, shape, done)
        return [task for _, done in gone for task, _ in done]

    def _row_alone(self, task: ObjectTask) -> At | None:
        """Return root and key of an object's remote row, where it is known and may go by a statement of our own."""
        remote_key = self._identity.known(task.shape.model, task.key)
        if (
            remote_key is None
            or task.keep_parents
            or not can_write_many(self._remote, task.shape)
            or has_odd_relations(task.shape.model)
            or (
                isinstance(task.key, FormerKey) and columns_leading_to(task.shape.model)
            )  # who points to it, points to another one now
        ):
            return None
        return task.shape.root, remote_key

    def _keep_what_is_not_deleted(self, going: dict[At, ObjectTask]) -> None:
        """Take those out of ``going`` about which something else is decided, or over which the rule has raised."""
        living = self._those_that_live_on(going)
        for at, task in list(going.items()):
            assert task.change is not None
            row = partial(self._row, task.shape, at[1])
            wins = at not in living and self._remote_changes.verdict(
                task.shape, task.key, at[1], task.change, None, row, deletes=True
            )
            if decide_delete(there=True, lives_on=at in living, remote_wins=wins is not False) is not Action.DELETE:
                del going[at]

    def _row(self, shape: Shape, remote_key: Any) -> Model | None:
        return rows_with(shape.model, self._remote, pk=[remote_key]).first()

    def _delete_while_there_is_time(self, shape: Shape, keys: list[Any]) -> list[Any]:
        """Delete rows by primary key; return the keys of those that are gone."""
        gone: list[Any] = []
        while keys:
            deleted = set(self._delete_alike(shape, keys))
            gone += [key for key in keys if key in deleted]
            keys = [key for key in keys if key not in deleted]
            if self._announced.is_time_up():
                break
        return gone

    def _alike(self, going: dict[At, ObjectTask]) -> list[tuple[Shape, dict[Any, ObjectTask]]]:
        """Group by model; where receivers may take all the time, only what follows one another, so that what hangs on
        others goes before them.
        """
        alike: list[tuple[Shape, dict[Any, ObjectTask]]] = []
        if any(self._announced.sends(task.shape.model) for task in going.values()):
            for shape, group in groupby(going.items(), key=lambda item: item[1].shape):
                alike.append((shape, {remote_key: task for (_, remote_key), task in group}))
            return alike
        by_shape: dict[Shape, dict[Any, ObjectTask]] = {}
        for (_, remote_key), task in going.items():
            by_shape.setdefault(task.shape, {})[remote_key] = task
        return list(by_shape.items())

    def _delete_alike(self, shape: Shape, keys: list[Any]) -> list[Any]:
        """Delete rows, and their links, by primary key; return those keys for which there was time."""
        announced = self._announced.sends(shape.model)
        if not announced:
            self._delete_links(shape, keys)
            for table in reversed(tables_of(shape)):
                rows_with(table.model, self._remote, pk=keys)._raw_delete(self._remote)
            return keys
        return self._announced.delete(shape, keys, lambda gone: self._delete_links(shape, gone))

    def _delete_links(self, shape: Shape, keys: list[Any]) -> None:
        rows_of: Counter[type[Model]] = Counter()
        for field in dict.fromkeys(link for each in tables_of(shape) for link in links_to(each.model)):
            rows = rows_with(field.model, self._remote, **{field.attname: keys})._raw_delete(self._remote)
            rows_of[field.model] += rows
        self._links.update({through: number_of_links(through, rows) for through, rows in rows_of.items() if rows})

    def _those_that_live_on(self, going: dict[At, ObjectTask]) -> set[At]:
        """Return those that may be an object of LOCAL now, by its natural key."""
        found: set[At] = set()
        for model in {task.shape.model for task in going.values() if natural_manager(task.shape.model) is not None}:
            keys = [key for (_, key), task in going.items() if task.shape.model is model]
            living = self._living.renumbered(list(rows_with(model, self._remote, pk=keys)))
            found |= {(root_of(model), remote_key) for remote_key in living}
        return found

    def _keep_what_others_hang_on(self, going: dict[At, ObjectTask]) -> None:
        """Take those out of ``going`` to which a row points that does not go with them."""
        hanging: dict[At, set[At]] = {}
        for shape in {task.shape for task in going.values()}:
            keys = [key for (_, key), task in going.items() if task.shape is shape]
            for hanger, key in self._hangers(shape, keys):
                hanging.setdefault((shape.root, key), set()).add(hanger)
            for key in self._linked_there(shape, keys):
                hanging.setdefault((shape.root, key), set()).add((shape.root, object()))
        staying = [at for at, hangers in hanging.items() if not hangers <= going.keys()]
        hangs_on: dict[At, list[At]] = {}
        for at, hangers in hanging.items():
            for hanger in hangers:
                hangs_on.setdefault(hanger, []).append(at)
        while staying:
            at = staying.pop()
            if going.pop(at, None) is not None:
                staying += hangs_on.get(at, ())

    def _linked_there(self, shape: Shape, keys: list[Any]) -> Iterator[Any]:
        """Yield those of the remote keys whose rows have links that the remote's users may have made."""
        for field in dict.fromkeys(link for each in tables_of(shape) for link in links_to(each.model)):
            if self._unseen.speak_of(field.model):
                yield from rows_with(field.model, self._remote, **{field.attname: keys}).values_list(
                    field.attname, flat=True
                )

    def _hangers(self, shape: Shape, keys: list[Any]) -> Iterator[tuple[At, Any]]:
        """Yield each remote row that points to one of the remote keys, and the key.

        One whose own key cannot be looked up is none that goes.
        """
        for (root, hanger), key in self._all_hangers(shape, keys):
            yield (root, hanger if is_hashable(hanger) else object()), key

    def _all_hangers(self, shape: Shape, keys: list[Any]) -> Iterator[tuple[At, Any]]:
        for field in hanging_on(shape.model):
            by_value = {key: key for key in keys}
            if not points_to_key(field):
                rows = rows_with(shape.model, self._remote, pk=keys)
                by_value = dict(rows.values_list(field.target_field.attname, "pk"))
            # A child row of multi-table inheritance is a row of its own here: it never goes with its parent.
            hanger = field.model if is_parent_link(field) else root_of(concrete_of(field.model))
            found = rows_with(field.model, self._remote, **{field.attname: list(by_value)})
            for key, value in found.values_list("pk", field.attname):
                yield (hanger, key), by_value[value]
        for model in (table.model for table in tables_of(shape)):
            for relation in generic_relations(model):
                by_value = {relation.holder.to_python(key): key for key in keys}
                found = rows_with(relation.model, self._remote, **{relation.holder.attname: list(by_value)})
                found = found.filter(**{relation.type_name: relation.content_type(self._remote)})
                for key, value in found.values_list("pk", relation.holder.attname):
                    yield (root_of(concrete_of(relation.model)), key), by_value[value]
