"""Where and how a run writes, and what a batch of it comes to."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ...option_rules import Rule
from ..log.changes import Change
from ..log.handed_on import LeftThere
from ..log.later_changes import LaterChanges
from ..log.pages import FirstPages
from ..log.users_changes import UsersChanges
from ..report import SyncReport
from ..rows.other_spellings import OtherSpellings
from ..rows.read_ahead import RowLocks
from ..rows.redirects import Redirects
from ..state.gaps import Gaps
from ..state.knowledge import RunKnowledge
from .conflicts import Conflict, Decision


@dataclass(frozen=True)
class RunContext:
    """Where and how a run writes.

    Attributes:
        remote: the remote alias.
        source, node: the node ids of LOCAL and of the remote.
        policy: the rule for conflicts; ``rules``: those of single models, by label.
        kept_keys: labels of models that keep their primary key.
        logs: the remote captures its own changes, so that conflicts can be seen.
        users_changes: those changes.
        redirects: the tables there whose inserts may return nothing.
        batch_signals: labels of models whose signals are sent a batch at a time.
        dry_run: count, but write nothing.
        after_the_other_way: of what a dry run has just gone the other way: ``"full"``: of all, ``"logged"``, or ``""``:
            none has, or something could not be sent.
        given_again: in a dry run, references whose number the remote's users were seen to have given to other objects.
        imagined: in a dry run, the keys that objects would have been given: root model and local key to a number
            that no key is.
        imagined_written: in a dry run, root model and local key of what would have been created or updated.
        imagined_gone: in a dry run, root model and remote key of what would have been deleted; of links, their table.
        spellings: what the tables there have in other spellings than Django's.
        locks: takes the locks of remote rows as they are read.
        gone: of what this run has deleted, root model and local key to what it was on the remote.
        paces: seconds that receivers of a model's batch signals take for an object.
        decisions: of the conflicts that this run has met: what the rule has said, or raised.
        knowledge: what both sides have seen of whose changes.
        by_field: labels of models of whose objects only the fields are written that LOCAL has changed.
        counters: names of the fields whose differences add up, by model label.
        uniques: what gives an object other values where another one has its unique ones, by label of its model.
        gaps: of which models something was not brought, or is not logged there.
        first_pages: of windows that were looked through, what is about to be applied.
        later: what LOCAL's users change while the run is under way.
        told_links: of the links among them: table, local ends, and whether the remote wins.
        left_there: objects, by root model and local key, of which the remote's version has won as a whole in this run:
            what the log says of them under another label (multi-table inheritance) was decided with that.
    """

    remote: str
    source: str
    node: str
    policy: Rule
    kept_keys: frozenset[str]
    logs: bool
    users_changes: UsersChanges
    redirects: Redirects
    spellings: OtherSpellings
    locks: RowLocks
    knowledge: RunKnowledge
    gaps: Gaps
    first_pages: FirstPages
    batch_signals: Container[str] = ()
    dry_run: bool = False
    after_the_other_way: str = ""
    given_again: dict[int, datetime.datetime] = field(default_factory=dict)
    imagined: dict[tuple[type[Model], Any], Any] = field(default_factory=dict)
    imagined_written: set[tuple[type[Model], Any]] = field(default_factory=set)
    imagined_gone: set[tuple[type[Model], Any]] = field(default_factory=set)
    gone: dict[tuple[type[Model], Any], Any] = field(default_factory=dict)
    paces: dict[type[Model], float] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    by_field: frozenset[str] = frozenset()
    counters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    uniques: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    decisions: dict[Conflict, Decision | Exception] = field(default_factory=dict)
    later: LaterChanges = field(default_factory=LaterChanges)
    told_links: set[tuple[type[Model], Any]] = field(default_factory=set)
    left_there: set[tuple[type[Model], Any]] = field(default_factory=set)

    def rule_for(self, label: str) -> tuple[Rule, str]:
        """Return the rule for conflicts over objects of a model, and where it was given."""
        if label in self.rules:
            return self.rules[label], f"SYNCHRO_OPTIONS[{label!r}]['conflict']"
        return self.policy, "SYNCHRO_CONFLICT"

    @property
    def asks_for_the_newest(self) -> bool:
        """Whether the newest wins, whatever the model."""
        return self.policy == "newest" and all(rule == "newest" for rule in self.rules.values())

    def begin_run(self) -> None:
        """Forget what holds for one run only."""
        self.told_links.clear()
        self.left_there.clear()
        self.spellings.forget()
        self.given_again.clear()
        self.gone.clear()
        self.first_pages.forget()
        self.knowledge.begin()
        self.later.begin(None)


@dataclass
class BatchResult:
    """What a batch did.

    Attributes:
        report: counts and remarks.
        failed: the changes that could not be applied, with their errors.
        left: those for which there was no time.
        hanging: whether some of these hang on others on the remote: one order for all of them is quicker.
        other_children: what is to follow in another transaction: rows of objects that were brought along, and are
            several children at once.
        vanished: those of what LOCAL does not have although the log does not say that it was deleted.
        handed_on: rows of deleted objects, by who has them now.
        told_links, left_there: as of ``RunContext``; they are known to the run when the batch is.
    """

    report: SyncReport = field(default_factory=SyncReport)
    failed: dict[Change, Exception] = field(default_factory=dict)
    left: list[Change] = field(default_factory=list)
    hanging: bool = False
    other_children: list[Change] = field(default_factory=list)
    vanished: list[Change] = field(default_factory=list)
    handed_on: dict[tuple[type[Model], Any], LeftThere] = field(default_factory=dict)
    told_links: set[tuple[type[Model], Any]] = field(default_factory=set)
    left_there: set[tuple[type[Model], Any]] = field(default_factory=set)
