"""What a delete takes along, by cascades of the ORM and of the database, and what it must not: what LOCAL has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, ProtectedError, RestrictedError

from ...conf import local_alias
from ...exceptions import ObjectNotApplied
from ..errors import NotYet, cannot_be_read, waiting
from ..plan.cascades import (
    DatabaseCascades,
    hanging_by_cascade,
    is_part_of,
    let_go,
    links_going,
    protecting_rows,
    taken_along,
)
from ..plan.unseen_records import Hanger
from ..rows.selecting import rows_with
from ..schema.findable import is_hashable
from ..schema.relations import hanging_on
from ..schema.shape import concrete_of, is_foreign_key, is_parent_link, points_to_key, shape_of
from ..tasks import At, at_of
from .dangling import Dangling
from .known import Known
from .rings import Rings


@dataclass(frozen=True)
class Going:
    """A remote row that is deleted, and the parents' rows that go with it.

    Attributes:
        row: the row.
        remote: the alias of its database.
        keep_parents: its parents' rows stay: the object lives on without this child.
        parents: those of its parents' rows that are deleted apart from it, where others stay; ``None``: all go.
    """

    row: Model
    remote: str
    keep_parents: bool = False
    parents: Sequence[Model] | None = None

    @property
    def is_alone(self) -> bool:
        """Whether the row's own ``delete()`` has to leave its parents' rows alone."""
        return self.keep_parents or self.parents is not None

    @property
    def apart(self) -> Sequence[Model]:
        """The parents' rows that are deleted apart from it."""
        return self.parents or ()

    def links(self, along: Iterable[Model]) -> set[tuple[type[Model], Any]]:
        """Return the links that go with the row and with what it takes along: their table, and their key in it."""
        return links_going([self.row, *self.apart, *along], self.remote, own_alone=self.is_alone)

    def emptied(self) -> dict[Any, list[Model]]:
        """Return the rows whose foreign keys the delete empties, by the foreign key."""
        emptied = let_go(self.row, self.remote, keep_parents=self.is_alone)
        for parent in self.apart:
            emptied |= let_go(parent, self.remote, keep_parents=False)
        return emptied


class Sparing:
    """Lets what a delete would take along, and LOCAL still has, point to what it points to on LOCAL.

    The rest of it stays as it is: nobody has changed it on LOCAL, but the remote's users may have.

    Args:
        point: lets the remote row of a local object point to what that one points to.
    """

    def __init__(self, known: Known, point: Callable[..., None], rings: Rings) -> None:
        self._identity, self._living, self._targets = known.identity, known.matching.living, known.targets
        self._point, self._rings = point, rings
        self._cascades, self._unseen = DatabaseCascades(known.remote), known.unseen
        self._dangling = Dangling(known.remote, known.matching.match)

    @contextmanager
    def spared(self, going: Going) -> Iterator[list[Model]]:
        """Spare the living for as long as the block, which deletes the row, takes.

        Yields:
            What the delete takes along then.

        Raises:
            NotYet: something that LOCAL still has would be taken along all the same: on LOCAL, too, it points to what
                is there, or must have a constraint.
            ProtectedError, RestrictedError: something protects the row.
        """
        with self._dangling.put_back():
            yield self._spare(going)

    def _spare(self, going: Going) -> list[Model]:
        pointed: set[At] = set()
        wholly: set[At] = set()
        while True:
            along, protecting, protection = self._what_is_in_the_way(going)
            unreadable: dict[At, Exception] = {}
            living = self._living.among([*along, *protecting], unreadable)
            for at, error in unreadable.items():  # nobody knows what it points to
                raise waiting(NotYet(f"{_along(*at)}, which {local_alias()!r} still has: {cannot_be_read(error)}"), *at)
            if (stuck := self._hanging_here_too(living, going)) is not None:
                raise protection or _would_take_along(stuck)
            if self._let_point_elsewhere(living, pointed, going=[going.row, *going.apart, *along]):
                continue
            if self._dangling.set_aside(living):
                continue
            if protecting and self._dangling.let_go_of_itself(going.row, protecting):
                continue
            if self._let_point_elsewhere(living, wholly):  # it leads there through what nobody has named
                continue
            if self._rings.cut(going.row, protecting):
                continue
            if protection is not None:
                raise protection
            for instance in living:
                raise _would_take_along(instance)
            return along

    def _hanging_here_too(self, living: Iterable[Model], going: Going) -> Model | None:
        """Return an object that points to the deleted one on LOCAL, too, past a constraint: nothing can be done then.

        Nor is anything else let point elsewhere for it.
        """
        root, remote_key = at_of(going.row)
        deleted = root, self._identity.claimed_by(root, remote_key)
        for instance in living:
            for field, at in self._targets.fields_and_targets(shape_of(type(instance)), instance):
                if at == deleted and is_foreign_key(field) and getattr(field, "db_constraint", True):
                    return instance
        return None

    def _what_is_in_the_way(self, going: Going) -> tuple[list[Model], list[Any], Exception | None]:
        """Return what a delete takes along, what protects the row from it, and how that is said."""
        try:
            return self._along(going), [], None
        except (ProtectedError, RestrictedError) as error:
            # Nobody says through which rows: what points elsewhere, or nowhere, on LOCAL may be between.
            between = list(hanging_by_cascade(going.row, self._identity.remote))
            return between, list(protecting_rows(error)), error

    def hangers(self, going: Going) -> list[Hanger]:
        """Return the objects that would go with a row, that would point to it no more, or that protect it."""
        along, protecting, protection = self._what_is_in_the_way(going)
        emptied = [] if protection is not None else [row for rows in going.emptied().values() for row in rows]
        objects: dict[At, tuple[Model, bool]] = {}
        for rows, protects in ((protecting, True), (along, False), (emptied, False)):
            for row in rows:  # of multi-table inheritance each table's row is among them
                known = objects.get(at := at_of(row))
                if known is None or issubclass(type(row), type(known[0])):
                    objects[at] = row, protects if known is None else known[1]
        identity, found = self._identity, list[Hanger]()
        for (root, remote_key), (row, protects) in objects.items():
            key = identity.claimed_by(root, remote_key)
            key = self._living.keys_of([row]).get((root, remote_key)) if key is None else key
            found.append(Hanger(shape_of(type(row)), key, row, protects))
        return found + self._links(going, along)

    def _links(self, going: Going, along: Iterable[Model]) -> list[Hanger]:
        """Return the links that would go with rows, as far as the remote's users have made any."""
        remote = self._identity.remote
        made = [(through, key) for through, key in going.links(along) if self._unseen.speak_of(through)]
        return [
            Hanger(shape_of(through), None, row)
            for through in dict.fromkeys(through for through, _ in made)
            for row in rows_with(through, remote, pk=[key for each, key in made if each is through])
        ]

    def _along(self, going: Going) -> list[Model]:
        """Return the rows of other objects that go with a row, and with those of its parents that go apart from it.

        Raises:
            ProtectedError, RestrictedError: it cannot be deleted.
            ObjectNotApplied: a key cannot be looked up, so that nobody knows whether LOCAL still has the row.
        """
        remote = self._identity.remote
        with hangers_told(going.row, remote):
            along = list(taken_along(going.row, remote, keep_parents=going.is_alone))
            for parent in going.apart:
                more = taken_along(parent, remote, keep_parents=False)
                along += [instance for instance in more if not is_part_of(instance, going.row)]
            along += self._cascades.taken_along(going.row, along, keep_parents=going.is_alone)
        for row in along:
            if not is_hashable(row.pk):
                raise _told(row, remote)
        return along

    def _let_point_elsewhere(self, living: Iterable[Model], done: set[At], going: Collection[Model] = ()) -> bool:
        """Let rows point to what their local objects point to, each of them once; tell whether there was any.

        Args:
            living: those objects.
            done: takes those with which it has been tried.
            going: only what leads to one of these; by default, all.
        """
        new = [instance for instance in living if (type(instance), instance.pk) not in done]
        for instance in new:
            done.add((type(instance), instance.pk))
            self._point(instance, going=going)
        return bool(new)

    def would_go_along(self, going: Going, gone: set[At]) -> list[Model]:
        """Return what a delete would take along, in a dry run: what else would be deleted or moved is still there.

        Args:
            gone: root models and remote keys of what would have been deleted so far.
        """
        identity = self._identity
        try:
            along = self._along(going)
        except (ProtectedError, RestrictedError) as error:
            staying = [at for at in map(at_of, protecting_rows(error)) if at not in gone]
            if any(identity.claimed_by(*at) is None for at in staying):
                raise
            return []  # what protects it has moved away on LOCAL, or is deleted too
        living = self._living.keys_of(along)
        return [
            instance
            for instance in along
            if (at := at_of(instance)) not in living and not identity.log.is_going(at[0], identity.claimed_by(*at))
        ]


def _would_take_along(instance: Model) -> NotYet:
    return NotYet(f"{_along(shape_of(type(instance)).model, instance.pk)}, which {local_alias()!r} still has")


def _along(model: type[Model], key: Any) -> str:
    return f"its deletion would take {model._meta.label} {key!r} along"


@contextmanager
def hangers_told(row: Model, alias: str) -> Iterator[None]:
    """Raise ``ObjectNotApplied`` where the block stumbles over a row that hangs on ``row``, and whose key has no hash.

    By lists, JSON and the like nobody can look up whether LOCAL still has it.
    """
    try:
        yield
    except TypeError as error:
        for hanger in _hangers(row, alias):
            if not is_hashable(hanger.pk):
                raise _told(hanger, alias) from error
        raise


def _told(row: Model, alias: str) -> ObjectNotApplied:
    label = row._meta.label
    return ObjectNotApplied(
        f"it was deleted; on {alias!r} {label} {row.pk!r} hangs on it, and by a key of this type no object can be "
        f"found: nobody can tell whether it is to stay. Delete this {label} there, or let it point elsewhere; the next "
        "run goes on"
    )


def _hangers(row: Model, alias: str) -> Iterator[Model]:
    """Yield what hangs on a row, and on that, each model once."""
    seen: set[type[Model]] = set()
    level: list[tuple[type[Model], list[Model]]] = [(type(row), [row])]
    while level:
        model, rows = level.pop()
        for field in hanging_on(model):
            holder = concrete_of(field.model)
            if holder in seen or is_parent_link(field):
                continue
            attname = "pk" if points_to_key(field) else field.target_field.attname
            found = list(rows_with(holder, alias, **{field.attname: [getattr(each, attname) for each in rows]}))
            if found:
                seen.add(holder)
                yield from found
                level.append((holder, found))
