"""Two runs at once, or a run and a user: the other one comes between any two statements of the first, in turn.

The random histories (``test_fuzz_kills.py``) change between runs at random; here each place has its turn. A normal run
plays some of the stories at some of the places, ``--whole`` all of them at more, and ``SYNCHRO_EVERY=1`` at each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.models import F, Max, QuerySet

from synchro_triggers import SyncReport
from synchro_triggers.models import Conflict
from tests.nodes.nodes import MESH, NAMES, Nodes
from tests.replay.hearing import later
from tests.safety.stepping import Stepped, wait_for_some
from tests.testapp.models import Account, Entry, Item, Tag, Tagged

SETTINGS: dict[str, Any] = {
    "SYNCHRO_OPTIONS": {"testapp.Account": {"counters": ("cash",)}, "testapp.Entry": {"merge": "fields"}},
}

#: Seconds after which a process that was told to go on is taken to wait for a lock, and after which it hangs.
A_MOMENT, TOO_LONG = 0.15, 60

#: How many turns are prepared at once.
_TURNS = 10

#: From one place to the next: in a normal run, and with ``--whole``.
SOME, MORE = 23, 11

#: Which two runs are at once: the first is interrupted by the second.
AT_ONCE = {
    "same remote": (("a", "b"), ("c", "b")),
    "opposite": (("a", "b"), ("b", "a")),
    "handed on": (("a", "b"), ("b", "c")),
    "fed": (("b", "c"), ("a", "b")),
}


@dataclass
class Scene:
    """One turn: an object that is named by the turn's number, and who does something with it.

    Attributes:
        one, other: the nodes from which the two runs go, or those between which one goes.
        expected: what all nodes hold at the end, where that depends on when a user came.
        witness: the third node.
    """

    nodes: Nodes
    name: str
    one: str
    other: str
    expected: dict[str, Any] = field(default_factory=dict)

    @property
    def witness(self) -> str:
        return next(name for name in NAMES if name not in {self.one, self.other})

    def items(self, node: str) -> QuerySet[Any]:
        return self.nodes.rows(node, Item).filter(name=self.name)

    def accounts(self, node: str) -> QuerySet[Any]:
        return self.nodes.rows(node, Account).filter(name=self.name)

    def entries(self, node: str) -> QuerySet[Any]:
        return self.nodes.rows(node, Entry).filter(account__name=self.name)

    def tags(self, node: str) -> QuerySet[Any]:
        return QuerySet(Tag, using=node).filter(tagged__title=self.name)

    def link(self, node: str, label: str) -> None:
        self._tagged(node).tags.add(self._tag(node, label))

    def unlink(self, node: str, label: str) -> None:
        self._tagged(node).tags.remove(self._tag(node, label))

    def _tagged(self, node: str) -> Any:
        return self.nodes.rows(node, Tagged).get(title=self.name)

    def _tag(self, node: str, label: str) -> Any:
        return self.nodes.rows(node, Tag).get(label=label)

    def holds(self, node: str) -> dict[str, Any]:
        """Return what a node has of the turn."""
        return {
            "items": sorted(self.items(node).values_list("cash", flat=True)),
            "accounts": sorted(self.accounts(node).values_list("cash", flat=True)),
            "entries": sorted(self.entries(node).values_list("name", "visits")),
            "tags": sorted(self.tags(node).values_list("label", flat=True)),
        }


class Story:
    """What users have done before two runs are at once, and what must come of it.

    Attributes:
        conflict: whether both have changed the same without having seen one another; ``None``: as the turn goes.
        expected: what all nodes hold at the end, but for what is as it was made; ``None``: the same.
    """

    conflict: bool | None = True
    expected: dict[str, Any] | None = None

    def prepare(self, scene: Scene) -> None:
        """Make what all nodes know."""
        scene.items(scene.one).create(name=scene.name, cash=0)
        scene.accounts(scene.one).create(name=scene.name, cash=0)
        scene.entries(scene.one).create(name="", visits=0, account_id=scene.name)
        tagged = scene.nodes.rows(scene.one, Tagged).create(title=scene.name)
        tagged.tags.add(scene._tag(scene.one, "x"))

    def diverge(self, scene: Scene) -> None:
        """Let users do something that the other nodes do not know yet."""
        raise NotImplementedError


class Edits(Story):
    expected = {"items": [2]}

    def diverge(self, scene):
        scene.items(scene.one).update(cash=1)
        later()
        scene.items(scene.other).update(cash=2)


class OlderSecond(Story):
    expected = {"items": [1]}

    def diverge(self, scene):
        scene.items(scene.other).update(cash=2)
        later()
        scene.items(scene.one).update(cash=1)


class DeleteAndEdit(Story):
    expected = {"items": [2]}

    def diverge(self, scene):
        scene.items(scene.one).delete()
        later()
        scene.items(scene.other).update(cash=2)


class DeleteOfAnothers(DeleteAndEdit):
    """Who deletes it has a reference that says whose it is."""

    def prepare(self, scene):
        super().prepare(scene)
        scene.items(scene.one).delete()
        scene.items(scene.witness).create(name=scene.name, cash=0)


class EditAndDelete(Story):
    expected = {"items": []}

    def diverge(self, scene):
        scene.items(scene.one).update(cash=1)
        later()
        scene.items(scene.other).delete()


class BothDelete(Story):
    conflict = False
    expected = {"items": [], "entries": [], "accounts": []}

    def diverge(self, scene):
        for node in (scene.one, scene.other):
            scene.items(node).delete()
            scene.accounts(node).delete()


class DeletedByTheThird(Story):
    """What comes back does so once."""

    expected = {"items": [2]}

    def diverge(self, scene):
        scene.items(scene.witness).delete()
        later()
        scene.items(scene.one).update(cash=1)
        later()
        scene.items(scene.other).update(cash=2)


class MadeByOne(Story):
    """What two nodes have and the third has not is made there once."""

    conflict = False
    expected = {"items": [7]}

    def prepare(self, scene):
        super().prepare(scene)
        scene.items(scene.one).delete()

    def diverge(self, scene):
        scene.items(scene.one).create(name=scene.name, cash=5)
        scene.nodes.go(scene.one, scene.other)
        scene.items(scene.other).update(cash=7)


class Fields(Story):
    conflict = False
    expected = {"entries": [("one", 2)], "accounts": [8]}

    def diverge(self, scene):
        scene.entries(scene.one).update(name="one")
        scene.accounts(scene.one).update(cash=F("cash") + 3)
        scene.entries(scene.other).update(visits=2)
        scene.accounts(scene.other).update(cash=F("cash") + 5)


class SameField(Story):
    expected = {"entries": [("other", 1)]}

    def diverge(self, scene):
        scene.entries(scene.one).update(name="one", visits=1)
        later()
        scene.entries(scene.other).update(name="other")


class HandsOn(Story):
    """What the third node has changed is overwritten where it is read, to be handed on."""

    expected = {"items": [2], "entries": [("other", 1)]}

    def diverge(self, scene):
        scene.items(scene.witness).update(cash=1)
        scene.entries(scene.witness).update(name="third", visits=1)
        scene.nodes.go(scene.witness, scene.one)
        later()
        scene.items(scene.other).update(cash=2)
        scene.entries(scene.other).update(name="other")


class HandsOnADelete(Story):
    """The same, of a delete that does not stand."""

    expected = {"items": [2]}

    def diverge(self, scene):
        scene.items(scene.witness).delete()
        scene.nodes.go(scene.witness, scene.one)
        later()
        scene.items(scene.other).update(cash=2)


class KeptKey(Story):
    """A newer child of what is deleted brings it back."""

    expected = {"entries": [("", 2)]}

    def diverge(self, scene):
        scene.accounts(scene.one).delete()
        later()
        scene.entries(scene.other).update(visits=2)


class Child(Story):
    def diverge(self, scene):
        scene.accounts(scene.one).delete()
        later()
        scene.entries(scene.other).create(name="new", account_id=scene.name)


class Links(Story):
    conflict = False
    expected = {"tags": ["y"]}

    def diverge(self, scene):
        scene.unlink(scene.one, "x")
        scene.link(scene.other, "y")


class SameLink(Story):
    conflict = False
    expected = {"tags": ["x", "y"]}

    def diverge(self, scene):
        scene.link(scene.one, "y")
        scene.link(scene.other, "y")


STORIES = (
    Edits,
    OlderSecond,
    DeleteAndEdit,
    DeleteOfAnothers,
    EditAndDelete,
    BothDelete,
    DeletedByTheThird,
    MadeByOne,
    Fields,
    SameField,
    HandsOn,
    HandsOnADelete,
    KeptKey,
    Child,
    Links,
    SameLink,
)


class OfUser(Story):
    """What a user has done at the first node, and another one does, there or at the remote, while it is brought."""

    conflict = None

    def __init__(self, node: str) -> None:
        self.node = node
        if node == "a":
            self.conflict = False

    def act(self, scene: Scene, user: str) -> None:
        """Let the other user do something, who has seen what is there."""
        raise NotImplementedError


class EditUponEdit(OfUser):
    expected = {"items": [2]}

    def diverge(self, scene):
        scene.items("a").update(cash=1)

    def act(self, scene, user):
        scene.items(user).update(cash=2)


class DeleteUponEdit(EditUponEdit):
    expected = {"items": []}

    def act(self, scene, user):
        scene.items(user).delete()


class EditUponDelete(OfUser):
    def diverge(self, scene):
        scene.items("a").delete()

    def act(self, scene, user):
        scene.expected["items"] = [2] * scene.items(user).update(cash=2)


class MadeAgain(OfUser):
    """With a key that is kept, it is the same object."""

    expected = {"accounts": [5]}

    def diverge(self, scene):
        scene.entries("a").delete()
        scene.accounts("a").delete()

    def act(self, scene, user):
        scene.expected["accounts"] = [5]
        if scene.accounts(user).exists():
            scene.accounts(user).update(cash=5)
        else:
            scene.accounts(user).create(name=scene.name, cash=5)


class FieldsUponFields(OfUser):
    expected = {"entries": [("one", 2)], "accounts": [8]}
    conflict = False

    def diverge(self, scene):
        scene.entries("a").update(name="one")
        scene.accounts("a").update(cash=F("cash") + 3)

    def act(self, scene, user):
        scene.entries(user).update(visits=2)
        scene.accounts(user).update(cash=F("cash") + 5)


class FieldUponField(OfUser):
    expected = {"entries": [("two", 1)]}

    def diverge(self, scene):
        scene.entries("a").update(name="one", visits=1)

    def act(self, scene, user):
        scene.entries(user).update(name="two")


class LinkedAgain(OfUser):
    def diverge(self, scene):
        scene.unlink("a", "x")

    def act(self, scene, user):
        seen = scene.tags(user).filter(label="x").exists()
        scene.link(user, "x")
        if not seen:  # else SQLite logs a link that was to be made again, and PostgreSQL does not
            scene.expected["tags"] = ["x"]


class Unlinked(OfUser):
    def diverge(self, scene):
        scene.link("a", "y")

    def act(self, scene, user):
        seen = scene.tags(user).filter(label="y").exists()
        scene.unlink(user, "y")
        scene.expected["tags"] = ["x"] if seen else ["x", "y"]


class NewChild(OfUser):
    def diverge(self, scene):
        scene.entries("a").create(name="new", account_id=scene.name)

    def act(self, scene, user):
        scene.accounts(user).delete()


class ChildOfDeleted(OfUser):
    def diverge(self, scene):
        scene.accounts("a").delete()

    def act(self, scene, user):
        if scene.accounts(user).exists():
            scene.entries(user).create(name="new", account_id=scene.name)
            scene.expected["entries"] = [("new", 0)]


OF_USERS = (
    EditUponEdit,
    DeleteUponEdit,
    EditUponDelete,
    MadeAgain,
    FieldsUponFields,
    FieldUponField,
    LinkedAgain,
    Unlinked,
    NewChild,
    ChildOfDeleted,
)


# Who comes between -------------------------------------------------------------------------------------


def another_run(nodes: Nodes, pair: tuple[str, str]) -> Callable[[], None]:
    """Let another run go as far as it comes; return what lets it end."""
    run = Stepped(partial(nodes.go, *pair))
    assert wait_for_some([run], TOO_LONG)
    _go_on(run, A_MOMENT)

    def end() -> None:
        _go_on(run, TOO_LONG)
        assert run.ended and not run.error, run.error

    return end


def a_user(do: Callable[[str], None], node: str) -> Callable[[], None]:
    """Let a user do something; return what does it later, where somebody is in the way now."""
    alias = f"user_of_{node}"
    connection = connections[alias]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5ms'" if _is_postgres(alias) else "PRAGMA busy_timeout = 0")
        do(alias)
    except OperationalError as error:
        if not any(word in str(error) for word in ("locked", "lock timeout")):
            raise
        return partial(do, node)
    finally:
        connection.close()
    return lambda: None


def _is_postgres(alias: str) -> bool:
    return connections[alias].vendor == "postgresql"


def _go_on(run: Stepped[SyncReport], patience: float) -> None:
    """Let a run go on to its end, or until it waits for somebody else."""
    while not run.ended:
        if run.stands:
            run.go_on(8)
        if not wait_for_some([run], patience):
            return


# Turns -------------------------------------------------------------------------------------------------


class Stage:
    """Plays a story once for each place of a run at which another one may come between."""

    def __init__(self, nodes: Nodes, story: Story, one: str, other: str, *, step: int) -> None:
        self._nodes, self._story, self._one, self._other, self._step = nodes, story, one, other, step
        for name in NAMES:
            connections.settings[f"user_of_{name}"] = connections.settings[name]
            for label in "xy":
                if name == "a":
                    nodes.rows(name, Tag).create(label=label)
        self._rest()

    def play(self, run: tuple[str, str], between: Callable[[Scene], Callable[[], None]]) -> int:
        """Play all turns; return how many places there were."""
        place = self._step // 2 % 5
        while True:
            scenes = [
                Scene(self._nodes, f"turn {place + number * self._step}", self._one, self._other)
                for number in range(_TURNS)
            ]
            for scene in scenes:
                self._story.prepare(scene)
            self._rest()
            for played, scene in enumerate(scenes):
                before = {name: _last_conflict(name) for name in NAMES}
                self._story.diverge(scene)
                if not self._interrupt(run, place, partial(between, scene)):
                    self._rest()
                    self._write_in_sequence(scenes[:played])
                    return place
                self._rest()
                self._judge(scene, place, before)
                place += self._step
            self._write_in_sequence(scenes)

    def _interrupt(self, run: tuple[str, str], place: int, between: Callable[[], Callable[[], None]]) -> bool:
        """Make a run that is interrupted before the statement of a number; return whether there was one."""
        for connection in connections.all(initialized_only=True):
            connection.close()
        process = Stepped(partial(self._nodes.go, *run))
        assert wait_for_some([process], TOO_LONG)
        left = place
        while left and not process.ended:
            process.go_on(min(left, 200))
            left -= min(left, 200)
            assert wait_for_some([process], TOO_LONG)
        interrupted = not process.ended
        end = between() if interrupted else lambda: None
        _go_on(process, TOO_LONG)
        end()
        assert process.ended and not process.error, process.error
        return interrupted

    def _rest(self) -> None:
        for _ in range(5):
            reports = [self._nodes.go(*pair) for pair in MESH]
            assert not any(report.failures for report in reports), [report.failures for report in reports]
            if not any(report.changed for report in reports):
                return
        raise AssertionError("they do not come to rest")

    def _judge(self, scene: Scene, place: int, before: dict[str, int]) -> None:
        at = f"before statement {place}"
        held = [scene.holds(name) for name in NAMES]
        assert held[0] == held[1] == held[2], f"{at}: they differ"
        for what, expected in {**(self._story.expected or {}), **scene.expected}.items():
            assert held[0][what] == expected, f"{at}: {what}"
        record = [
            (name, each.result, each.local_values, each.remote_values)
            for name in NAMES
            for each in QuerySet(Conflict, using=name).filter(pk__gt=before[name])
        ]
        assert len(record) == len(set(record)), f"{at}: on record twice"
        if self._story.conflict is not None:
            assert bool(record) == self._story.conflict, f"{at}: {record}"

    def _write_in_sequence(self, scenes: Sequence[Scene]) -> None:
        """Who has seen all changes it again, wherever: that is a conflict with nothing."""
        before = {name: _last_conflict(name) for name in NAMES}
        later()
        wanted = {}
        for number, scene in enumerate(scenes):
            node = NAMES[number % 3]
            scene.items(node).update(cash=99)
            scene.entries(node).update(name="z")
            if scene.nodes.rows(node, Tagged).filter(title=scene.name).exists():
                scene._tagged(node).tags.clear()
            wanted[scene.name] = scene.holds(node)
        self._rest()
        for scene in scenes:
            for name in NAMES:
                assert scene.holds(name) == wanted[scene.name], f"{scene.name}, later changes, at {name}"
        assert before == {name: _last_conflict(name) for name in NAMES}, "a false conflict with later changes"


def _last_conflict(name: str) -> int:
    last: int | None = Conflict.objects.using(name).aggregate(last=Max("pk"))["last"]
    return last or 0


@pytest.fixture
def step(request) -> int:
    return int(os.environ.get("SYNCHRO_EVERY", MORE if request.config.getoption("--whole") else SOME))


@pytest.fixture(autouse=True)
def options(settings) -> Iterator[None]:
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    return


def _turns(stories: Sequence[type[Story]], others: Iterable[str], short: Container[tuple[type[Story], str]]) -> Any:
    return [
        pytest.param(story, other, id=f"{story.__name__}-{other}", marks=[] if (story, other) in short else [WHOLE])
        for story in stories
        for other in others
    ]


WHOLE = pytest.mark.whole

SHORT = {
    (Edits, "same remote"),
    (DeleteAndEdit, "opposite"),
    (DeletedByTheThird, "same remote"),
    (Fields, "fed"),
    (KeptKey, "handed on"),
    (Links, "same remote"),
    (EditUponEdit, "a"),
    (FieldsUponFields, "b"),
    (LinkedAgain, "a"),
}


@pytest.mark.parametrize(("story", "runs"), _turns(STORIES, AT_ONCE, SHORT))
def test_another_run_at_any_statement(nodes, story, runs, step):
    run, other = AT_ONCE[runs]
    stage = Stage(nodes, story(), run[0], other[0], step=step)

    places = stage.play(run, lambda scene: another_run(nodes, other))

    assert places > 20


@pytest.mark.parametrize(("kind", "node"), _turns(OF_USERS, "ab", SHORT))
def test_a_user_at_any_statement(nodes, kind, node, step):
    story = kind(node)
    stage = Stage(nodes, story, "a", "b", step=step)

    def between(scene):
        later()
        return a_user(partial(story.act, scene), node)

    assert stage.play(("a", "b"), between) > 20
