"""Judges a run by what was written before it: both sides are equal afterwards, or the report says why not.

It knows nothing of the package but its report. Of each object it knows what both databases held after the last run
(the *base*), what they hold now, and what they hold after this run. From that follows who has changed it, and so what
may have become of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import JSONField, Model
from django.utils.duration import duration_string

from tests.shapefuzz.content import Content, Name, Row, tables
from tests.shapefuzz.hands import is_automatic
from tests.shapefuzz.holding import model_held
from tests.shapefuzz.ledger import COMMITTED, TOUCHED, WRITTEN
from tests.shapefuzz.world import World

FAILED, WAITING = "failed", "waiting"
WON = ("local won", "remote won")

Values = dict[str, Any]

Number = tuple[str, str]
"""The label of a table that gives out keys, and one of them, spelt."""


@dataclass
class Sides:
    """What both databases hold at one time."""

    local: Content
    remote: Content


@dataclass
class Told:
    """What a report says: of which object (label, key) which kinds of things."""

    of: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    met: set[tuple[str, str, str]] = field(default_factory=set)
    """Label, LOCAL's key and the remote's of what a conflict takes for one object."""

    def add(self, label: str, key: str, kind: str) -> None:
        self.of.setdefault((label, key), set()).add(kind)


def told_by(report: Any, kept: Iterable[tuple[str, str]]) -> Told:
    """Return what a report tells.

    Args:
        report: of the run.
        kept: label and key of the failures that the remote keeps; they count if the report says that some wait.
    """
    told = Told(warnings=list(getattr(report, "warnings", ())))
    for failure in report.failures:
        told.add(failure.model, failure.key, FAILED)
    for remark in getattr(report, "remarks", ()):
        told.add(remark.model, remark.key, str(remark.kind))
        if there := re.search(r"\(there (.*?)\) at ", remark.reason):
            told.met.add((remark.model, remark.key, there[1]))
        # What hangs on LOCAL on an object that the remote's users have deleted goes with it, where that is decided so.
        if gone := re.search(r"had not seen what hangs on it on 'default': (.*); it goes \(", remark.reason):
            for label, key in re.findall(r"(shapefuzz\.\w+) (.*?)(?=, shapefuzz\.|$)", gone[1]):
                told.add(label, key, str(remark.kind))
    if getattr(report, "waiting", 0):
        for label, key in kept:
            told.add(label, key, WAITING)
    return told


class Oracle:
    """Remembers what was, and judges what has become of it."""

    def __init__(self, world: World) -> None:
        TOUCHED.clear()
        self._world = world
        self._local: dict[Name, Values] = {}
        self._remote: dict[Name, Values] = {}
        self._raw: dict[Name, Values] = {}
        self._raw_there: dict[Name, Values] = {}
        self._all_raw_there: dict[Name, list[Values]] = {}
        self._sent_as: dict[Name, set[str]] = {}  # under which keys LOCAL had at the last run what the remote has
        self._owed: set[Name] = set()
        self._dangling_links: set[tuple[str, str]] = set()
        self._unlogged_links: set[tuple[str, str]] = set()
        self._keys: dict[str, set[Number]] = {}
        self._keys_here: dict[str, set[Number]] = {}
        self._keys_there: dict[str, set[Number]] = {}
        self._families = _families()
        self._numbered_by = _numbered_by()
        self.unlogged: set[str] = set()
        self.nowhere: set[Name] = set()
        self.theirs: set[Name] = set()  # the remote has won over them, maybe with other keys that lead nowhere
        self.renumbered: set[str] = set()  # past the log, so that nobody knows them again by their keys
        self.successors: dict[Name, Name] = {}  # who has the row of an object that is gone, by its natural key
        self.kept_there: set[Name] = set()  # the remote has kept what they were before their key changed on LOCAL
        self.full = False

    # What is known --------------------------------------------------------------------------------

    def settle(self, sides: Sides, owed: Iterable[Name] = ()) -> None:
        """Take what both sides hold for known: it was said to be so, or has been judged."""
        self._local, self._remote = _values(sides.local), _values(sides.remote)
        self._raw, self._raw_there = (
            {name: rows[0].raw for name, rows in side.rows.items()} for side in (sides.local, sides.remote)
        )
        self._all_raw_there = {name: [row.raw for row in rows] for name, rows in sides.remote.rows.items()}
        self._dangling_links = {
            _as_stored(name[0], row) for name, rows in _links(sides.local) for row in rows if "→ nothing" in name[1]
        }
        self._unlogged_links &= {
            _as_stored(name[0], row)
            for name, rows in _links(sides.local)
            for row in rows
            if name not in sides.remote.rows
        }
        self._owed = set(owed)
        self._sent_as = {name: known for name, known in self._sent_as.items() if name in sides.remote.rows}
        self._sent_as |= {name: {repr(row.key) for row in rows} for name, rows in sides.local.rows.items()}

    def put_back(self, sides: Sides) -> None:
        """Take what both sides hold for known, after LOCAL was put back: what it had received stays received.

        So where they differ they stay so until LOCAL's users write it.
        """
        self.settle(sides)
        names = sides.local.rows.keys() | sides.remote.rows.keys()
        self.unlogged |= {name[1] for name in names if sides.local.one(name) != sides.remote.one(name)}

    def part(self, sides: Sides) -> None:
        """Take what differs, and the log has not named, for two objects: ``synchro_link`` knows none of them again."""
        for name in sides.local.rows.keys() & sides.remote.rows.keys():
            if name[1] in self.unlogged and sides.local.one(name) != sides.remote.one(name):
                self.renumbered.add(name[1])

    def overlook(self, before: Content, after: Content, *, undone: bool = False) -> None:
        """Take for known what has changed on LOCAL past the log.

        Args:
            before, after: LOCAL.
            undone: what was to be sent is lost as well: LOCAL was put back.
        """
        self.note_keys(before, after)
        known = {_as_stored(name[0], row) for name, rows in _links(before) for row in rows}
        self._unlogged_links |= {_as_stored(name[0], row) for name, rows in _links(after) for row in rows} - known
        for name in before.rows.keys() | after.rows.keys():
            old, new = before.one(name), after.one(name)
            keys = [{repr(row.key) for row in each.rows.get(name, ())} for each in (before, after)]
            keys[0] = keys[0] or self._sent_as.get(name, set())  # it was deleted before LOCAL was put back
            if all(keys) and keys[0] != keys[1]:
                self.renumbered.add(name[1])
            if old != new:
                self.unlogged.add(name[1])
                # What it points to may have become another object since, of which nothing is logged here.
                written = old != self._local.get(name) and self.raw_of(name, before) != self._raw.get(name)
                if written and not undone:
                    self._owed.add(name)
                if new is None:
                    self._local.pop(name, None)
                    self._raw.pop(name, None)
                    self._owed.discard(name)
                else:
                    self._local[name] = new
                    self._raw[name] = after.rows[name][0].raw

    def raw_of(self, name: Name, content: Content) -> Values | None:
        """Return what an object's row holds, as it is stored."""
        rows = content.rows.get(name)
        return rows[0].raw if rows else None

    def note_refused(self, before: Sides, after: Sides) -> None:
        """Take for known what a run has written before it was refused."""
        for name in before.remote.rows.keys() | after.remote.rows.keys():
            new = after.remote.one(name)
            if new == before.remote.one(name):
                continue
            if new is None:
                self._remote.pop(name, None)
            else:
                self._remote[name] = new
                self._raw_there[name] = after.remote.rows[name][0].raw
                self._all_raw_there[name] = [row.raw for row in after.remote.rows[name]]
            if new is not None and new == after.local.one(name):
                self._local[name] = new
                self._owed.discard(name)

    def note_keys(self, *local: Content, remote: Iterable[Content] = ()) -> None:
        remote = list(remote)
        for keys, contents in (
            (self._keys, (*local, *remote)),
            (self._keys_here, local),
            (self._keys_there, remote),
        ):
            for content in contents:
                for (label, mark), key in content.names_and_keys():
                    keys.setdefault(mark, set()).update(self.numbers(label, _texts(key)))

    # Judging --------------------------------------------------------------------------------------

    def judge(self, before: Sides, after: Sides, report: Any, kept: Iterable[tuple[str, str]]) -> list[str]:
        """Return what is wrong after a run, and settle."""
        kept, failed = list(kept), [(each.model, each.key) for each in report.failures]
        self.note_keys(before.local, remote=(before.remote, after.remote))
        case = _Case(self, before, after, told_by(report, kept), bool(report.failures))
        names = before.local.rows.keys() | before.remote.rows.keys() | after.remote.rows.keys()
        names |= self._local.keys() | self._remote.keys()
        found = [text for name in sorted(names) for text in case.look_at(name)]
        if report.failures and not self._world.troubled:
            known = [each for each in [*kept, *failed] if self._is_anothers_key(*each, before)]
            found += [
                f"failed for no reason: {each.model} {each.key}: {each.error}"
                for each in report.failures
                if (each.model, each.key) not in known and not (known and "waits for" in each.error)
            ]
        self.settle(after, case.owed)
        TOUCHED.clear()
        return found

    def _is_anothers_key(self, model: str, key: str, before: Sides) -> bool:
        """Tell whether the row under a failed object's key is another's there, which has it by its natural key."""
        marks = {
            mark
            for content in (before.local, before.remote)
            for (label, mark), rows in content.rows.items()
            if label == model and key in _texts(rows[0].key)
        }
        natural = model in self._world.natural_keys or hasattr(apps.get_model(model), "natural_key")
        return natural and len(marks) > 1

    def family(self, label: str) -> frozenset[str]:
        return self._families.get(label, frozenset([label]))

    def base(self, name: Name) -> tuple[Values | None, Values | None]:
        return self._local.get(name), self._remote.get(name)

    def raw(self, name: Name) -> Values | None:
        """Return what an object's row on LOCAL held after the last run, as it is stored."""
        return self._raw.get(name)

    def raw_there(self, name: Name) -> Values | None:
        """Return what an object's row on the remote held after the last run, as it is stored."""
        return self._raw_there.get(name)

    def is_as_stored_there(self, name: Name, remote: Content) -> bool:
        """Tell whether a row of the remote's holds what it held, whatever has become of what it points to.

        Of two rows, what it was under its former key and what it is now, one may have gone since.
        """
        now, known = [row.raw for row in remote.rows.get(name, ())], self._all_raw_there.get(name, [])
        return bool(now) and all(raw in known for raw in now)

    def is_kept_there(self, name: Name) -> bool:
        """Tell whether the remote may have what an object was before its key changed on LOCAL."""
        return name in self.kept_there or name[1] in self.renumbered

    def waits_under_a_new_key(self, local: Content) -> bool:
        """Tell whether an object has got another key on LOCAL since the last run: by the log another one is there."""
        for name, rows in local.rows.items():
            known = self._raw.get(name)
            if known is None or " > " in name[1]:  # of a link, the key of its row is nothing
                continue
            key = [field.attname for field in apps.get_model(name[0])._meta.pk_fields]
            if any(row.raw.get(attname) != known.get(attname) for row in rows for attname in key):
                return True
        return False

    def is_owed(self, name: Name) -> bool:
        return name in self._owed

    def led_nowhere(self, label: str, row: Row) -> bool:
        """Tell whether a link has led nowhere on LOCAL, and leads somewhere now although nobody has written it."""
        return _as_stored(label, row) in self._dangling_links

    def is_unlogged_link(self, label: str, row: Row) -> bool:
        """Tell whether a link was made past the log, whatever object has the key of an end since."""
        return not self.full and _as_stored(label, row) in self._unlogged_links

    def is_stood_for(self, name: Name, local: Content) -> bool:
        """Tell whether a row of the remote's stands for an object, as was told, and nobody has written it since.

        Its values may have changed all the same: another object has the key now that it points to.
        """
        gone = name not in self._remote and name not in self._owed
        return gone and name[1] in self.unlogged and [row.raw for row in local.rows[name]] == [self._raw.get(name)]

    def numbers(self, label: str, texts: Iterable[str]) -> set[Number]:
        """Return keys together with the table that gives them out: an object's two parents may have the same one."""
        return {(self._numbered_by.get(label, label), text) for text in texts}

    def keys_of(self, mark: str) -> set[Number]:
        return self._keys.get(mark, set())

    def keys_here_of(self, mark: str) -> set[Number]:
        """Return the keys that an object has had on LOCAL."""
        return self._keys_here.get(mark, set())

    def keys_there_of(self, mark: str) -> set[Number]:
        """Return the keys that an object has had on the remote."""
        return self._keys_there.get(mark, set())

    def is_a_key(self, text: str) -> bool:
        """Tell whether a text is the key of some object, spelt as it is here."""
        return any(text == each for keys in self._keys.values() for _, each in keys)

    @property
    def world(self) -> World:
        return self._world


class _Case:
    """One run."""

    def __init__(self, oracle: Oracle, before: Sides, after: Sides, told: Told, failed: bool) -> None:
        self._oracle, self._before, self._after, self._told = oracle, before, after, told
        self._failed = failed
        self._policy = dict(oracle.world.project.settings).get("SYNCHRO_CONFLICT", "newest")
        self._renamed = _renamed(before.remote, after.remote)
        self._deleted_by_receivers = {
            key[2] for key, values in WRITTEN.items() if key[0] == "remote" and "deleted" in values
        }
        self.owed: set[Name] = set()

    def look_at(self, name: Name) -> Iterable[str]:
        local = self._before.local.one(name)
        there = self._row_there(name, local)
        was_local, _ = self._oracle.base(name)
        if self._kept_under_other_keys(name, *WON):
            self._oracle.kept_there.add(name)
        may_be_doubled = self._is_told(name, *WON) or self._is_renumbered(name) or self._has_an_end_that_stays(name)
        if self._is_doubled(name) and not may_be_doubled:
            yield self._say(name, f"is there {len(self._after.remote.rows[name])} times")
        pending = local != was_local or self._oracle.is_owed(name)
        if local is not None and pending:
            yield from self._look_at_pending(name, local, there)
        elif local is None and pending:
            yield from self._look_at_deleted(name, there)
        else:
            yield from self._look_at_untouched(name, local, there)

    def _row_there(self, name: Name, local: Values | None) -> Values | None:
        """Return what the remote has of an object: of one that nobody knew again, also what it was before."""
        rows = [row.values for row in self._after.remote.rows.get(name, ())]
        if len(rows) > 1 and local is not None and self._oracle.is_kept_there(name):
            return max(rows, key=lambda row: sum(row.get(each) == value for each, value in local.items()))
        return rows[0] if rows else None

    def _is_doubled(self, name: Name) -> bool:
        counts = [len(each.rows.get(name, ())) for each in (self._before.local, self._before.remote)]
        kept = len(self._kept_under_other_keys(name, FAILED, WAITING))
        kept += self._is_part_of_a_new_object(name) and self._is_told(name, FAILED, WAITING)
        stays = name in self._oracle.kept_there and self._is_one_row_as_it_was(name)
        return len(self._after.remote.rows.get(name, ())) > max(max(1, *counts) + kept, 1 + stays)

    def _is_one_row_as_it_was(self, name: Name) -> bool:
        """Tell whether one of an object's rows on the remote holds what it held: what it was, as was told before."""
        before, after = (
            [(repr(row.key), row.raw) for row in each.remote.rows.get(name, ())] for each in (self._before, self._after)
        )
        return any(row in after for row in before)

    def _is_part_of_a_new_object(self, name: Name) -> bool:
        """Tell whether a child's row has stayed on LOCAL while its parent's was deleted, and made anew with its key.

        What it was with the old one is another object, of the same key, which is to go.
        """
        parts = [(label, mark) for mark in self._marks_of_parts(name) for label in self._oracle.family(name[0])]
        known = self._oracle.base(name)[0] is not None
        return known and any(self._before.local.one(each) and not self._oracle.base(each)[0] for each in parts)

    def _is_renumbered(self, name: Name) -> bool:
        """Tell whether an object, or an end of a link, may be there under the key, too, that it had before."""
        return any(mark.removeprefix("→ ") in self._oracle.renumbered for mark in name[1].split(" > "))

    def _kept_under_other_keys(self, name: Name, *kinds: str) -> set[str]:
        """Return the keys that an object had on LOCAL, and of which the report says something of a kind."""
        label, mark = name
        numbers, family = self._oracle.numbers, self._oracle.family(label)
        now = {text for row in self._before.local.rows.get(name, ()) for text in _texts(row.key)}
        keys = self._oracle.keys_of(mark) - numbers(label, now)
        told = [(each, key) for (each, key), found in self._told.of.items() if found.intersection(kinds)]
        return {key for each, key in told if each in family and numbers(each, [key]) <= keys}

    def _look_at_pending(self, name: Name, local: Values, there: Values | None) -> Iterable[str]:
        before = self._before.remote.one(name)
        nowhere = self._is_told(name, "points nowhere")
        if nowhere:
            self._oracle.nowhere.add(name)  # until LOCAL's users change it, whatever comes to be there
        if self._is_told(name, "remote won"):
            self._oracle.theirs.add(name)
        elif self._is_written_here(name):
            self._oracle.theirs.discard(name)
        if local != there:
            if self._is_told(name, FAILED, WAITING) and not self._is_decided(name):
                self.owed.add(name)
                return
            if nowhere:
                return
            if name[1] in self._oracle.renumbered and self._is_told(name, "vanished"):
                return  # it was told of under the key that it had, and nothing has said what it has now
            if self._is_told(name, *WON) or self._is_swept(name, local):
                self._oracle.unlogged.add(name[1])  # a row of the remote's may stand for it
                return
            if there is None:
                if (
                    not self._lacks_an_end(name, local)
                    and not self._oracle.is_stood_for(name, self._before.local)
                    and not self._is_deleted_there_alone(name, local)
                    and not self._is_deleted_by_a_receiver(name)
                    and not self._has_gone_with_its_target(name, local)
                    and not self._oracle.led_nowhere(name[0], self._before.local.rows[name][0])
                    and not self._oracle.is_unlogged_link(name[0], self._before.local.rows[name][0])
                    and not (name[1] in self._oracle.renumbered and self._is_told(name, "vanished"))
                ):
                    yield self._say(name, f"is missing; it should be {local}")
                return
            for attname, value in local.items():
                new = there.get(attname)
                if new == value or self._is_as_before(name, attname, local, new):
                    continue
                if self._is_key_of_a_child_found_by_another(name, attname) or self._is_found_by_a_callable(
                    name, attname
                ):
                    continue
                if not self._is_written(name, attname, new) and not self._stands_for(name, attname, value, new):
                    yield self._say(name, f"{attname} is {new!r} instead of {value!r}")
            return
        # A row that holds what it held has not been changed there, though another object may have the value now that
        # its ``to_field`` holds: that one's own rows are judged by themselves.
        lost = (
            before is not None
            and not self._is_unchanged_there(name, before)
            and not self._is_as_the_remotes_users_left_it(name)
            and any(
                there.get(attname) != value
                and not self._is_written(name, attname, there.get(attname))
                and not self._is_the_same_key(name, attname)
                and not self._has_lost_its_target(name, attname, value, there.get(attname))
                for attname, value in before.items()
            )
        )
        # Where its key has changed, the old row may have gone with another one, and the new one is another.
        along = self._kept_under_other_keys(name, "deleted along")
        if lost and not along and not self._is_overwriting_allowed(name):
            yield self._say(name, f"what the remote's users have changed was overwritten in silence: {before}")

    def _is_key_of_a_child_found_by_another(self, name: Name, attname: str) -> bool:
        """Tell whether a value is the key of a child, which may be another one there: its natural key tells its row.

        That is the natural key of another parent, else all such keys would be left out of what is compared.
        """
        model = apps.get_model(name[0])
        if attname not in {each.attname for each in model._meta.pk_fields}:
            return False
        found = [each for each in tables() if model in each._meta.all_parents and self._has_natural_key(each)]
        children = {each._meta.label for each in found}
        return any(
            _is_of_child(name[0], row, label, child)
            for row in self._before.local.rows[name]
            for (label, _), rows in self._before.local.rows.items()
            if label in children
            for child in rows
        )

    def _is_found_by_a_callable(self, name: Name, attname: str) -> bool:
        """Tell whether a key is one that a callable finds, in a row that nobody has written on either side.

        That its number was given to another object is not looked at before the row changes; the page on
        identity says so.
        """
        field = next((each for each in _fields(name[0]) if each.attname == attname), None)
        if not isinstance(field, JSONField) or model_held(field) is None or self._oracle.full:
            return False
        return not self._is_written_in_part(name) and self._is_the_same_key(name, attname)

    def _has_natural_key(self, model: type[Model]) -> bool:
        line = (model, *model._meta.all_parents)
        named = self._oracle.world.natural_keys
        return any(each._meta.label in named or hasattr(each, "natural_key") for each in line)

    def _is_decided(self, name: Name) -> bool:
        """Tell whether the report says of a row's own key who has won.

        What it says of another row of the same mark is about another object then: the child's, which made them one, was
        deleted alone.
        """
        keys = {text for row in self._before.local.rows.get(name, ()) for text in _texts(row.key)}
        told = {
            number
            for (each, key), found in self._told.of.items()
            if found.intersection(WON)
            for number in self._oracle.numbers(each, [key])
        }
        return not told.isdisjoint(self._oracle.numbers(name[0], keys))

    def _is_as_before(self, name: Name, attname: str, local: Values, there: Any) -> bool:
        """Tell whether a difference is an old one of an object of which only what it points to has changed."""
        was_local, was_there = self._oracle.base(name)
        changed = self._led_elsewhere(name, local)
        if changed is None or was_local is None or was_there is None:
            return False
        if name in self._oracle.nowhere and there == was_there.get(attname):
            return True
        # Nobody has written it on LOCAL: what the remote's users have written stays.
        if self._is_written_there_alone(name, attname):
            return True
        if name in self._oracle.theirs and self._is_the_same_key(name, attname):
            return True  # both numbers have been given out since, each to another object, as no run can know
        before = self._before.remote.one(name) or was_there
        if name[1] in self._oracle.renumbered and self._has_lost_its_target(name, attname, before.get(attname), there):
            return True  # nobody knows that LOCAL has the row of the remote's, which does as the remote's own rows do
        if self._has_come_to_lead_somewhere(name, attname) and there in (was_there.get(attname), before.get(attname)):
            return True
        differed = was_local.get(attname) != was_there.get(attname)
        return (attname not in changed or differed) and there in (was_there.get(attname), before.get(attname))

    def _is_written_there_alone(self, name: Name, attname: str) -> bool:
        """Tell whether a value is as it is stored since the remote's users, and nobody else, have written it."""
        before, after = (each.remote.rows.get(name) for each in (self._before, self._after))
        was = self._oracle.raw_there(name)
        if self._is_written_here(name) or was is None or not before or not after:
            return False
        then, now, later = (
            [raw.get(each) for each in _columns_of_key(name[0], attname)] for raw in (was, before[0].raw, after[0].raw)
        )
        return then != now == later

    def _is_written_here(self, name: Name) -> bool:
        """Tell whether what an object's row on LOCAL holds has changed."""
        return [row.raw for row in self._before.local.rows[name]] != [self._oracle.raw(name)]

    def _has_come_to_lead_somewhere(self, name: Name, attname: str) -> bool:
        """Tell whether a key has led nowhere on LOCAL, which has given that number to another object since.

        Nothing is logged of it; the page on identity says so.
        """
        was_local, _ = self._oracle.base(name)
        led_nowhere = was_local is not None and was_local.get(attname) == "→ nothing"
        return led_nowhere and not self._is_written_here(name)

    def _led_elsewhere(self, name: Name, local: Values) -> set[str] | None:
        """Return what leads elsewhere of an object of LOCAL that nobody has written; ``None``: somebody has."""
        was_local, _ = self._oracle.base(name)
        if was_local is None or self._oracle.is_owed(name):
            return None
        changed = {each for each, value in local.items() if was_local.get(each) != value}
        return changed if all(str(local[each]).startswith("→ ") for each in changed) else None

    def _is_deleted_there_alone(self, name: Name, local: Values) -> bool:
        """Tell whether an object is gone on the remote, by its users, and nobody has written it on LOCAL since."""
        return self._before.remote.one(name) is None and self._led_elsewhere(name, local) is not None

    def _has_gone_with_its_target(self, name: Name, local: Values) -> bool:
        """Tell whether an object leads nowhere on LOCAL, and was taken along on the remote, as the report says."""
        return "→ nothing" in local.values() and self._is_told(name, "deleted along")

    def _is_deleted_by_a_receiver(self, name: Name) -> bool:
        """Tell whether a receiver on the remote has deleted an object, for good; what receivers change there stays."""
        places = [("remote", label, name[1], "") for label in self._oracle.family(name[0])]
        return any("deleted" in COMMITTED.get(place, ()) for place in places)

    def _is_as_the_remotes_users_left_it(self, name: Name) -> bool:
        """Tell whether all rows that the remote had of an object are as they were: a new one may be beside them."""
        before, after = (
            [(repr(row.key), row.raw) for row in each.remote.rows.get(name, ())] for each in (self._before, self._after)
        )
        return all(row in after for row in before)

    def _is_the_same_key(self, name: Name, attname: str) -> bool:
        """Tell whether a row of the remote's still holds the key that it held, which leads to another object now."""
        rows = [each.remote.rows.get(name) for each in (self._before, self._after)]
        if None in rows:
            return False
        before, after = (found[0] for found in rows)
        is_key = str(before.values.get(attname)).startswith("→ ")
        return is_key and before.raw.get(attname) == after.raw.get(attname)

    def _is_overwriting_allowed(self, name: Name) -> bool:
        if not self._oracle.world.logs("remote"):
            return self._policy == "local" or any("no triggers" in text for text in self._told.warnings)
        return self._is_told(name, *WON) or self._is_link(name)

    def _look_at_deleted(self, name: Name, there: Values | None) -> Iterable[str]:
        before = self._before.remote.one(name)
        if there is not None:
            if self._is_told(name, "vanished", "handed on"):
                self._oracle.kept_there.add(name)  # its key, or its row, is another's now: no later run speaks of it
            fails = self._is_told(name, FAILED, WAITING) or self._has_a_successor(name, FAILED, WAITING)
            if fails or self._is_one_with_what_fails(name):
                self.owed.add(name)
            elif self._oracle.is_kept_there(name) or self._has_a_kept_end(name, there):
                return
            elif self._has_a_successor(name, *WON):
                return  # in whose conflict the remote has won
            elif not self._is_told(name, *WON, "vanished"):
                yield self._say(name, "is still there, and was deleted")
        elif before is None or self._is_unchanged_there(name, before) or name in self._renamed:
            return
        elif not self._is_overwriting_allowed(name) and not self._is_told(name, "deleted along"):
            yield self._say(name, f"what the remote's users have changed was deleted in silence: {before}")

    def _is_unchanged_there(self, name: Name, before: Values) -> bool:
        return before == self._oracle.base(name)[1] or self._oracle.is_as_stored_there(name, self._before.remote)

    def _has_a_successor(self, name: Name, *kinds: str) -> bool:
        """Tell whether a row that is to go is that of another object now, which has its natural key, as is told."""
        for other in self._successors(name):
            if self._is_told(other, *kinds):
                self._oracle.successors[name] = other
                return True
        # While that one fails, the row does not show what has become of its natural key since.
        known = self._oracle.successors.get(name)
        return known is not None and self._is_told(known, *kinds)

    def _is_one_with_what_fails(self, name: Name) -> bool:
        """Tell whether a row that is to go is that of another object now, by a key of its users, as is told.

        Of a child that has a key of its own, the report names that one.
        """
        if self._is_link(name) or not _is_given_by_users(apps.get_model(name[0])._meta.pk):
            return False
        key = repr(self._after.remote.rows[name][0].key)
        others = [each for each, rows in self._before.local.rows.items() if each[0] == name[0]]
        return any(
            repr(self._before.local.rows[each][0].key) == key and self._is_told(each, FAILED, WAITING)
            for each in others
        )

    def _successors(self, name: Name) -> Iterable[Name]:
        """Yield the objects of LOCAL that have the natural key of a row that is to go."""
        for label in self._oracle.family(name[0]):
            model, row = apps.get_model(label), self._after.remote.one((label, name[1]))
            unique = [each.attname for each in model._meta.local_concrete_fields if each.name.startswith("u_")]
            natural = label in self._oracle.world.natural_keys or hasattr(model, "natural_key")
            for other, rows in self._before.local.rows.items() if row is not None and unique and natural else ():
                if other[0] == label and all(rows[0].values.get(each) == row.get(each) for each in unique):
                    yield other

    def _is_succeeded_by(self, gone: str, mark: str, label: str | None) -> bool:
        """Tell whether the row of an object that LOCAL has deleted is another one's, which still fails."""
        names = [name for name in self._after.remote.rows if name[1] == gone and label in (None, name[0])]
        return any(
            name not in self._before.local.rows
            and self._has_a_successor(name, FAILED, WAITING)
            and self._oracle.successors.get(name, ("", ""))[1] == mark
            for name in names
        )

    def _has_a_kept_end(self, name: Name, there: Values) -> bool:
        """Tell whether a link is there because the remote has kept one of its ends, which LOCAL has deleted."""
        return self._is_link(name) and any(self._is_kept(str(end).removeprefix("→ ")) for end in there.values())

    def _look_at_untouched(self, name: Name, local: Values | None, there: Values | None) -> Iterable[str]:
        before = self._before.remote.one(name)
        if there in (before, local):
            if there is not None and there == before:
                yield from self._look_for_lost_writes(name, there)
            elif there is not None and before is not None:
                yield from self._look_for_overwritten(name, before)
            return
        if before is None:
            if local is None and not self._is_made(name) and not self._is_link_of_others(name, there):
                yield self._say(name, f"has come from nowhere: {there}")
            elif local is not None:
                yield from self._look_at_pending(name, local, there)
            return
        if there is None:
            yield from self._look_at_lost(name, local, before)
            return
        yield from self._look_for_overwritten(name, before)
        for attname, value in before.items():
            new = there.get(attname)
            if new == value or (local is not None and new == local.get(attname)):
                continue
            if self._is_written(name, attname, new) or self._has_lost_its_target(name, attname, value, new):
                continue
            if self._leads_where_local_has_it(name, attname, value, new) or self._leads_to_what_met(name, attname):
                continue
            if local is not None and self._is_replayed(name) and self._stands_for(name, attname, local[attname], new):
                continue  # all of it was written, since another of its tables has changed
            if local is not None and self._is_written_after_all(name, attname, local.get(attname), new):
                continue
            if not self._is_told(name) and not self._is_the_same_key(name, attname):
                yield self._say(name, f"nobody has changed it, but {attname} is {new!r} instead of {value!r}")

    def _look_for_overwritten(self, name: Name, before: Values) -> Iterable[str]:
        """Say which values have become LOCAL's again, though only the remote's users have changed them."""
        was, now, later = (
            self._oracle.raw_there(name),
            self._before.remote.rows[name][0].raw,
            self._after.remote.rows[name][0].raw,
        )
        if was is None or self._oracle.full or self._is_told(name) or self._is_replayed(name):
            return
        for attname, value in before.items():
            columns = _columns_of_key(name[0], attname)
            then, changed, new = ([row.get(each) for each in columns] for row in (was, now, later))
            if then == changed or changed == new or self._is_overwriting_allowed(name):
                continue
            leads = isinstance(value, str) and value.startswith("→ ")
            if leads and self._is_gone(value.removeprefix("→ "), _leads_to(name[0], attname)):
                continue
            if not self._is_written(name, attname, self._after.remote.rows[name][0].values.get(attname)):
                yield self._say(name, f"{attname} was {value!r}, by the remote's users, and was overwritten in silence")

    def _is_written_after_all(self, name: Name, attname: str, value: Any, new: Any) -> bool:
        """Tell whether a key leads to the row that stands for what LOCAL's leads to, although it was to stay.

        LOCAL's users have written it between a restore and the reset after it, which settles what is known.
        """
        return name[1] in self._oracle.unlogged and self._stands_for(name, attname, value, new)

    def _look_at_lost(self, name: Name, local: Values | None, before: Values) -> Iterable[str]:
        if name[1] in self._deleted_by_receivers or self._is_swept(name, before):
            return
        if name in self._renamed:
            other = (name[0], self._renamed[name])
            if local is None and not self._is_overwriting_allowed(other):
                yield self._say(name, f"the remote's own object became {other[1]} in silence")
            return
        if local is not None:
            if not self._is_told(name) and not self._lacks_an_end(name, local):
                yield self._say(name, f"LOCAL still has it, and it was taken along: {before}")
        elif not self._is_told(name, "deleted along", *WON) and not self._lacks_an_end(name, before):
            yield self._say(name, f"the remote's own object was deleted in silence: {before}")

    # What explains a difference -------------------------------------------------------------------

    def _is_told(self, name: Name, *kinds: str) -> bool:
        label, mark = name
        # A child that was made later has another mark, and may have another key: the report speaks of it alone.
        marks = (mark, *self._marks_of_parts(name))
        keys, here = (set().union(*map(of, marks)) for of in (self._oracle.keys_of, self._oracle.keys_here_of))
        family, numbers = self._oracle.family(label), self._oracle.numbers
        told = [(*numbers(each, [key]), found) for (each, key), found in self._told.of.items() if each in family]
        # Failures are those of LOCAL's objects: that the remote has given a number to another one says nothing.
        failed = {FAILED, WAITING}
        exactly = [found if number in here else found - failed for number, found in told if number in keys]
        # Where the report speaks of its very key, what it says of other ones that look as odd is not about it.
        texts = {text for _, text in keys}
        told_of_it = exactly or [
            found for (_, key), found in told if self._is_odd(key, texts) and not self._oracle.is_a_key(key)
        ]
        return any(found.intersection(kinds or found) for found in told_of_it)

    def _is_odd(self, key: str, keys: set[str]) -> bool:
        """Tell whether keys of a kind are spelt so differently that one cannot be told from another."""
        return any(not each.isalnum() for each in (key, *keys))

    def _is_written(self, name: Name, attname: str, value: Any) -> bool:
        label, mark = name
        if any(value in WRITTEN.get(("remote", each, mark, attname), ()) for each in self._oracle.family(label)):
            return True
        triggers = self._oracle.world.project.triggers
        return isinstance(value, str) and value.startswith("t:") and attname.startswith("note_") and bool(triggers)

    def _look_for_lost_writes(self, name: Name, there: Values) -> Iterable[str]:
        if self._oracle.full or self._is_replayed(name):
            return  # what was changed in another of its tables has brought all of it along
        for (alias, label, mark, attname), values in COMMITTED.items():
            if alias != "remote" or (label, mark) != name or not attname or self._failed:
                continue
            rows = [row.values[attname] for row in self._after.remote.rows[name]]  # also of one that is kept there
            if len(set(values)) == 1 and values[0] not in rows and not self._oracle.world.project.triggers:
                yield self._say(name, f"a receiver has set {attname} to {values[0]!r}, and it is {there[attname]!r}")

    def _is_replayed(self, name: Name) -> bool:
        """Tell whether one of the tables in which an object lies has changed on LOCAL.

        Its key counts as well: what has another one is made anew, and the row into which a receiver wrote is gone.
        """
        if self._is_written_in_part(name):
            return True
        return any(self._before.local.one(each) != self._oracle.base(each)[0] for each in self._names_of_parts(name))

    def _is_written_in_part(self, name: Name) -> bool:
        """Tell the same, wherever what the object holds may lead now."""
        return any(
            each in TOUCHED
            or self._oracle.raw_of(each, self._before.local) != self._oracle.raw(each)
            or self._oracle.is_owed(each)
            for each in self._names_of_parts(name)
        )

    def _names_of_parts(self, name: Name) -> set[Name]:
        marks = (name[1], *self._marks_of_parts(name))
        return {(label, mark) for mark in marks for label in self._oracle.family(name[0])}

    def _marks_of_parts(self, name: Name) -> Iterable[str]:
        """Yield the marks of LOCAL's rows that are parts of the same object: a child may have been made later.

        So may the row of that child's other parent, which hangs together with the rest by the child's row alone.
        Another child of the same row is another object.
        """
        family = self._oracle.family(name[0])
        rows = [(each, row) for each, rows in self._before.local.rows.items() if each[0] in family for row in rows]
        parts = [(each, row) for each, row in rows if each == name]
        for (label, _), row in parts:  # which grows meanwhile
            parts += [part for part in rows if part not in parts and _is_of_child(label, row, part[0][0], part[1])]
        for (label, _), row in parts:
            parts += [part for part in rows if part not in parts and _is_of_child(part[0][0], part[1], label, row)]
        yield from dict.fromkeys(mark for (_, mark), _ in parts if mark != name[1])

    def _is_made(self, name: Name) -> bool:
        labels = self._oracle.family(name[0])  # the table may be that of several models
        return any("made" in WRITTEN.get(("remote", each, name[1], ""), ()) for each in labels)

    def _is_swept(self, name: Name, values: Values) -> bool:
        return any(f"→ {mark}" in values.values() for mark in self._deleted_by_receivers)

    def _is_link(self, name: Name) -> bool:
        return " > " in name[1]

    def _is_link_of_others(self, name: Name, there: Values | None) -> bool:
        return (
            self._is_link_of_renamed(name, there)
            or self._is_link_of_stand_ins(name, there)
            or self._is_link_of_kept(name, there)
        )

    def _is_link_of_kept(self, name: Name, there: Values | None) -> bool:
        """Tell whether LOCAL has the link, to an end that it has deleted all the same, and the remote has kept."""
        if there is None or not self._is_link(name):
            return False
        links = [row.values for (label, _), rows in self._before.local.rows.items() if label == name[0] for row in rows]
        return any(
            all(
                end == there[attname] or (end == "→ nothing" and self._is_kept(str(there[attname]).removeprefix("→ ")))
                for attname, end in each.items()
            )
            for each in links
        )

    def _is_link_of_stand_ins(self, name: Name, there: Values | None) -> bool:
        """Tell whether LOCAL has the link, between objects for which rows of the remote's stand that look otherwise."""
        if there is None or not self._is_link(name):
            return False
        raw = self._after.remote.rows[name][0].raw
        links = [row for (label, _), rows in self._before.local.rows.items() if label == name[0] for row in rows]
        return any(
            all(
                end == there[attname]
                or self._has_a_stand_in(str(end), _leads_to(name[0], attname))
                or (each.raw[attname] == raw[attname] and self._fails_under_its_key(name, attname, str(end)))
                or self._has_the_key_of_one_that_waits(str(end), str(there[attname]))
                or self._has_its_number_there(
                    str(end).removeprefix("→ "), str(there[attname]).removeprefix("→ "), _leads_to(name[0], attname)
                )
                or self._is_succeeded_by(
                    str(there[attname]).removeprefix("→ "), str(end).removeprefix("→ "), _leads_to(name[0], attname)
                )
                for attname, end in each.values.items()
            )
            for each in links
        )

    def _has_a_stand_in(self, end: str, label: str | None) -> bool:
        """Tell whether a row of the remote's, with other values, may be an object which the log has not spoken of."""
        mark = end.removeprefix("→ ")
        return mark in self._oracle.unlogged and not self._is_there(mark, label)

    def _is_there(self, mark: str, label: str | None) -> bool:
        """Tell whether the remote has an object's row, in the table to which a key leads, or in any.

        Its child's row may be there by itself, while another object's stands for its parent's.
        """
        return any(each == mark and label in (None, table) for table, each in self._after.remote.rows)

    def _has_the_key_of_one_that_waits(self, end: str, there: str) -> bool:
        """Tell whether a row of the remote's has the key of LOCAL's object, and does not become it yet, as is told."""
        mark, other = end.removeprefix("→ "), there.removeprefix("→ ")
        return any(
            repr(row.key) == repr(rows[0].key)
            for name, rows in self._before.local.rows.items()
            if name[1] == mark and self._is_told(name, FAILED, WAITING)
            if apps.get_model(name[0])._meta.pk.attname in rows[0].values  # others are other numbers there
            for row in self._after.remote.rows.get((name[0], other), ())
        )

    def _is_link_of_renamed(self, name: Name, there: Values | None) -> bool:
        """Tell whether a link is an old one, of objects whose rows have become others' since."""
        if there is None or not self._is_link(name):
            return False
        if any(found.intersection(WON) for found in self._told.of.values()):
            return True  # rows of the remote's stand for LOCAL's
        old = {f"→ {new}": f"→ {mark}" for (_, mark), new in self._renamed.items()}
        former = " > ".join(str(old.get(str(value), value)) for value in there.values())
        return former != name[1] and (name[0], former) in self._before.remote.rows

    def _lacks_an_end(self, name: Name, values: Values) -> bool:
        """Tell whether a link cannot be there, because one of its ends is not."""
        ends = [
            (value.removeprefix("→ "), _leads_to(name[0], attname))
            for attname, value in values.items()
            if self._is_link(name) and isinstance(value, str) and value.startswith("→")
        ]
        return any(not self._is_there(*end) for end in ends)

    def _has_an_end_that_stays(self, name: Name) -> bool:
        """Tell whether a link has an end that could not be deleted as what it was under the key that it had before."""
        ends = [
            (_leads_to(name[0], attname), value.removeprefix("→ "))
            for attname, value in (self._after.remote.one(name) or {}).items()
            if self._is_link(name) and isinstance(value, str) and value.startswith("→")
        ]
        return any(self._kept_under_other_keys(end, FAILED, WAITING) for end in ends)

    def _has_lost_its_target(self, name: Name, attname: str, value: Any, new: Any) -> bool:
        if not (isinstance(value, str) and value.startswith("→ ")):
            return False
        mark = value.removeprefix("→ ")
        if isinstance(new, str) and any(
            old == mark and f"→ {fresh}" == new for (_, old), fresh in self._renamed.items()
        ):
            return True
        gone = self._is_gone(mark, _leads_to(name[0], attname)) or self._is_held_row_gone(name, attname, mark)
        return gone and (new is None or new == "→ nothing")

    def _is_held_row_gone(self, name: Name, attname: str, mark: str) -> bool:
        """Tell whether the very row is gone to which a foreign key led: of what an object was before it may be kept."""
        field = next((each for each in _fields(name[0]) if each.attname == attname and each.is_relation), None)
        held = {repr(row.raw.get(attname)) for row in self._before.remote.rows.get(name, ())}
        if field is None:
            return False
        before, after = (
            {
                repr(row.raw.get(field.target_field.attname))
                for (table, each), rows in content.rows.items()
                if each == mark and table == field.target_field.model._meta.label
                for row in rows
            }
            for content in (self._before.remote, self._after.remote)
        )
        return bool(held & before) and not held & after

    def _leads_where_local_has_it(self, name: Name, attname: str, value: Any, new: Any) -> bool:
        """Tell whether a row of the remote's, whose target is gone, leads to where LOCAL's object with its key does.

        It stands for that one, where keys are the same on both sides or a natural key says so, and is spared so.
        """
        if not (isinstance(value, str) and value.startswith("→ ")):
            return False
        keys = {repr(row.key) for row in self._before.remote.rows[name]}
        kept = not self._oracle.family(name[0]).isdisjoint(self._oracle.world.kept_keys)
        kept |= _is_given_by_users(apps.get_model(name[0])._meta.pk)
        rows = [
            row
            for (label, mark), rows in self._before.local.rows.items()
            if kept and label == name[0] and mark in self._oracle.unlogged
            for row in rows
            if repr(row.key) in keys
        ]
        won = [other for other in self._successors(name) if self._is_told(other, *WON)]
        rows += [row for other in won for row in self._before.local.rows[other]]
        gone = self._is_gone(value.removeprefix("→ "), _leads_to(name[0], attname))
        return gone and any(row.values.get(attname) == new for row in rows)

    def _leads_to_what_met(self, name: Name, attname: str) -> bool:
        """Tell whether a key leads on both sides to what a conflict has named as one object, whatever marks it has."""
        here, there = self._before.local.rows.get(name), self._after.remote.rows.get(name)
        key = apps.get_model(name[0])._meta.get_field(attname)
        if not here or not there or not key.is_relation or not key.target_field.primary_key:
            return False
        family = self._oracle.family(_leads_to(name[0], attname) or "")
        ends = _texts(here[0].raw[attname]), _texts(there[0].raw[attname])
        return any(label in family and old in ends[0] and new in ends[1] for label, old, new in self._told.met)

    def _is_kept(self, mark: str) -> bool:
        """Tell whether something that LOCAL has deleted is still on the remote, as the report says."""
        names = [name for name in self._after.remote.rows if name[1] == mark and name not in self._before.local.rows]
        if names and mark in self._oracle.unlogged:
            return True  # it was deleted past the log
        if any(name in self._oracle.kept_there for name in names):
            return True  # as an earlier run has told
        return any(self._is_told(name, FAILED, WAITING, "vanished", "handed on", *WON) for name in names)

    def _stands_for(self, name: Name, attname: str, value: Any, new: Any) -> bool:
        """Tell whether a key leads to a row that is taken for LOCAL's, which the log has never named."""
        if not (isinstance(value, str) and isinstance(new, str) and value.startswith("→ ") and new.startswith("→ ")):
            return False
        mark, other = value.removeprefix("→ "), new.removeprefix("→ ")
        field = apps.get_model(name[0])._meta.get_field(attname)
        by_value = field.is_relation and not field.target_field.primary_key
        if mark == "nothing":  # what it has led to is deleted, and kept on the remote
            still_had = by_value and self._holds_the_same(name, attname) and self._waits(other)
            return self._is_kept(other) or self._is_the_same_number(name, attname) or still_had
        if by_value:  # and what has that value waits for another one to let it go
            return self._waits(mark, other) or self._is_handed_on(name, attname, mark)
        if self._is_kept(other):  # its key is another one's now, and it is still there
            return True
        if self._holds_the_same(name, attname) and self._fails_under_its_key(name, attname, value):
            return True
        if self._is_succeeded_by(other, mark, _leads_to(name[0], attname)):
            return True  # the row that it leads to is that one's, which has yet to be written
        if self._are_one_by_natural_key(_leads_to(name[0], attname), mark, other):
            return True
        if self._has_its_number_there(mark, other, _leads_to(name[0], attname)):
            return True
        if self._is_the_same_number(name, attname) and not self._is_there(mark, _leads_to(name[0], attname)):
            return True  # the remote's users have given that key to another one: it is judged by itself
        known = mark in self._oracle.unlogged or any(
            self._is_told(name, *WON) for name in self._before.local.rows if name[1] == mark
        )
        return known and not self._is_there(mark, _leads_to(name[0], attname)) and other != mark

    def _has_its_number_there(self, mark: str, other: str, label: str | None) -> bool:
        """Tell whether the remote's users have given the number of an object that they have deleted to another one.

        Where the remote has no triggers nobody can know it, and what points to the first one leads to the other.
        """
        if self._oracle.world.logs("remote") or self._is_there(mark, label):
            return False
        numbers, known = self._oracle.numbers, self._oracle.keys_there_of(mark)
        return any(
            each == other and label in (None, table) and numbers(table, _texts(row.key)) & known
            for (table, each), rows in self._after.remote.rows.items()
            for row in rows
        )

    def _waits(self, *marks: str) -> bool:
        """Tell whether any of LOCAL's objects fails, or waits, so that its row on the remote is what it was."""
        return any(self._is_told(each, FAILED, WAITING) for each in self._before.local.rows if each[1] in marks)

    def _are_one_by_natural_key(self, label: str | None, mark: str, other: str) -> bool:
        """Tell whether a row that the remote's users have made has the natural key of an object that is not there."""
        model = apps.get_model(label) if label else None
        line = [] if model is None else [model, *model._meta.all_parents]
        own = [
            each for each in line if each._meta.label in self._oracle.world.natural_keys or hasattr(each, "natural_key")
        ]
        if not own or self._is_there(mark, label):
            return False
        table = own[-1]  # a child's is its parent's
        here, there = (
            self._before.local.one((table._meta.label, mark)),
            self._before.remote.one((table._meta.label, other)),
        )
        names = [each.attname for each in table._meta.local_concrete_fields if each.name.startswith("u_")]
        for together in (*table._meta.unique_together, *(each.fields for each in table._meta.total_unique_constraints)):
            names += [table._meta.get_field(each).attname for each in together]
        if here is None or there is None or not names:
            return False
        return all(here.get(each) == there.get(each) for each in names)

    def _fails_under_its_key(self, name: Name, attname: str, end: str) -> bool:
        """Tell whether a key leads to an object that fails, and whose row there is another one's until it does not."""
        names = [each for each in self._before.local.rows if each[1] == end.removeprefix("→ ")]
        fails = any(self._is_told(each, FAILED, WAITING) for each in names)
        return fails and self._has_a_key_of_its_users(apps.get_model(name[0])._meta.get_field(attname))

    def _has_a_key_of_its_users(self, field: Any) -> bool:
        """Tell whether a foreign key leads to a model whose keys its users give out: they are the same there."""
        return field.is_relation and field.target_field.primary_key and _is_given_by_users(field.target_field)

    def _holds_the_same(self, name: Name, attname: str) -> bool:
        here, there = self._before.local.rows[name][0], self._after.remote.rows[name][0]
        return bool(here.raw[attname] == there.raw[attname])

    def _is_handed_on(self, name: Name, attname: str, mark: str) -> bool:
        """Tell whether a ``to_field`` holds the same value on both sides, which is another object's on the remote.

        Its users have given it to that one: whether they may is judged where the objects themselves are.
        """
        here, there = self._before.local.rows[name][0], self._after.remote.rows[name][0]
        field = apps.get_model(name[0])._meta.get_field(attname)
        targets = [(_leads_to(name[0], attname), mark), (field.target_field.model._meta.label, mark)]
        rows = [row for each in targets for row in self._after.remote.rows.get(each, ())]
        value = here.raw[attname]
        return value == there.raw[attname] and all(row.raw.get(field.target_field.attname) != value for row in rows)

    def _is_the_same_number(self, name: Name, attname: str) -> bool:
        """Tell whether a key is, on both sides, the same one of a model whose keys are the same there."""
        model = apps.get_model(name[0])
        field, label = model._meta.get_field(attname), _leads_to(name[0], attname)
        of_users = self._has_a_key_of_its_users(field)
        if (held := model_held(field)) is not None:
            of_users = _is_given_by_users(held._meta.pk)
        kind = self._before.local.rows[name][0].values
        for generic in model._meta.private_fields:
            if getattr(generic, "fk_field", None) == attname and (found := kind.get(f"{generic.ct_field}_id")):
                target = apps.get_model(*found)._meta.concrete_model
                label, of_users = target._meta.label, _is_given_by_users(target._meta.pk)
        return self._holds_the_same(name, attname) and (of_users or label in self._oracle.world.kept_keys)

    def _is_gone(self, mark: str, label: str | None) -> bool:
        """Tell whether none of an object's rows is what it was: it is gone, or was made anew.

        Where a key leads to a child's row, that one counts: it may go alone, and leave its parents' rows.
        """
        before, after = (
            {
                (table, repr(row.key))
                for (table, each), rows in content.rows.items()
                if each == mark and label in (None, table)
                for row in rows
            }
            for content in (self._before.remote, self._after.remote)
        )
        return not before & after

    def _say(self, name: Name, what: str) -> str:
        return f"{name[0]} {name[1]} (keys {sorted(text for _, text in self._oracle.keys_of(name[1]))}): {what}"


def _is_given_by_users(key: Any) -> bool:
    """Tell a primary key that no database gives out, and that is none of such a model's."""
    while key.is_relation:
        key = key.target_field
    return not is_automatic(key)


def _links(content: Content) -> Iterable[tuple[Name, list[Row]]]:
    return [(name, rows) for name, rows in content.rows.items() if " > " in name[1]]


def _as_stored(label: str, row: Row) -> tuple[str, str]:
    return label, repr((row.key, row.raw))


def _is_of_child(label: str, row: Row, child_label: str, child_row: Row) -> bool:
    """Tell whether a row is that of a child, in multi-table inheritance, of the object whose row another one is."""
    table, parents = apps.get_model(label)._meta.db_table, apps.get_model(child_label)._meta.parents
    links = [link for parent, link in parents.items() if link is not None and parent._meta.db_table == table]
    return any(child_row.raw.get(link.attname) == row.key for link in links)


def _leads_to(label: str, attname: str) -> str | None:
    """Return the label of the table that a foreign key leads to; ``None``: it is a generic one."""
    field = apps.get_model(label)._meta.get_field(attname)
    target = field.remote_field.model if field.is_relation else model_held(field)
    return target._meta.concrete_model._meta.label if target is not None else None


def _fields(label: str) -> Iterable[Any]:
    return apps.get_model(label)._meta.concrete_fields


def _columns_of_key(label: str, attname: str) -> tuple[str, ...]:
    """Return the columns that say together where a key leads: a generic one holds a kind as well."""
    for each in apps.get_model(label)._meta.private_fields:
        if attname in (getattr(each, "fk_field", None), f"{getattr(each, 'ct_field', '')}_id"):
            return f"{each.ct_field}_id", each.fk_field
    return (attname,)


def _values(content: Content) -> dict[Name, Values]:
    return {name: rows[0].values for name, rows in content.rows.items()}


def _renamed(before: Content, after: Content) -> dict[Name, str]:
    """Return the objects whose row has become another one's, with its mark."""
    by_key = {(label, repr(key)): mark for (label, mark), key in after.names_and_keys()}
    return {
        (label, mark): by_key[label, repr(key)]
        for (label, mark), key in before.names_and_keys()
        if by_key.get((label, repr(key)), mark) != mark and (label, mark) not in after.rows
    }


def _texts(key: Any) -> set[str]:
    """Return how a key may be spelt in a report."""
    if isinstance(key, tuple):
        spelt = [[str(each) for each in key], key]
        ways = product(spelt, (None, (",", ":")), (True, False))  # SQLite writes no spaces
        return {
            str(key),
            *(json.dumps(parts, default=str, separators=between, ensure_ascii=ascii) for parts, between, ascii in ways),
        }
    if isinstance(key, (bytes, memoryview)):
        return {str(key), bytes(key).hex()}
    if isinstance(key, timedelta):
        return {str(key), duration_string(key), str(key // timedelta(microseconds=1)), _as_interval(key)}
    if isinstance(key, datetime):
        zones = {connections[alias].timezone for alias in ("default", "remote")} if key.tzinfo else set()
        moments = [key.astimezone(zone) for zone in zones if zone is not None]
        as_stored = {str(moment.replace(tzinfo=None)) for moment in moments}
        return {str(key), key.isoformat(), *as_stored, *(moment.isoformat() for moment in moments)}
    return {str(key)}


def _as_interval(key: timedelta) -> str:
    """Return how PostgreSQL spells a duration: ``-2 days +00:00:00.000005``."""
    days = f"{key.days} day{'s' * (key.days != 1)}" if key.days else ""
    seconds = f"{'+' * (key.days < 0)}{(datetime.min + timedelta(0, key.seconds, key.microseconds)).time()}"
    parts = [days, seconds.rstrip("0") if key.microseconds else seconds]
    return " ".join(part for part in (parts if key.seconds or key.microseconds or not days else [days]) if part)


def _numbered_by() -> dict[str, str]:
    """Return the label of the table that gives a label's rows their keys: a parent's, or that of another model over it.

    It is none of a child that has a key of its own, or of its other parents.
    """
    found = {}
    for model in apps.get_models():
        first = model._meta.concrete_model
        while (link := first._meta.pk) is not None and getattr(link.remote_field, "parent_link", False):
            first = link.remote_field.model._meta.concrete_model
        sharing = [each._meta.label for each in tables() if each._meta.db_table == first._meta.db_table]
        found[model._meta.label] = min([*sharing, first._meta.label])
    return found


def _families() -> dict[str, frozenset[str]]:
    """Return the labels under which a report may speak of the rows of a label."""
    found: list[set[str]] = []
    for model in tables():
        labels = {model._meta.label} | {each._meta.label for each in model._meta.all_parents}
        labels |= {each._meta.label for each in tables() if each._meta.db_table == model._meta.db_table}
        labels |= {each._meta.label for each in apps.get_models() if each._meta.concrete_model is model}
        for other in [each for each in found if each & labels]:
            labels |= other
            found.remove(other)
        found.append(labels)
    return {label: frozenset(labels) for labels in found for label in labels}
