"""The days of the month: people work, offices synchronise in the evening, every place prunes its log at night."""

from __future__ import annotations

import datetime
import sys
from dataclasses import dataclass
from json import JSONDecoder

from place import Place

#: In days of the story: how long each place keeps its log, and how long the hub waits for a node that stays away.
KEEP, FORGET = 7, 9
WEEKS_END = (7, 14, 21, 28, 30)
BOTH_WAYS = ("synchronize", "--both")


def say(text: str = "") -> None:
    print(text, flush=True)


@dataclass
class Week:
    """How large the logs were, by the place's name, in the nights of a week, after pruning."""

    most: dict[str, int]
    at_its_end: dict[str, tuple[int, int]]


class Month:
    """Three places, what they must hold, and how large their logs were.

    A day lasts as long as its commands take. So a number of days is the time since the morning of one of them,
    of which synchro_prune is told what fraction of a real day it is.

    Args:
        hub, north, south: the places.
    """

    def __init__(self, hub: Place, north: Place, south: Place) -> None:
        self.hub, self.north, self.south = hub, north, south
        self.places, self.offices = (hub, north, south), (north, south)
        self.mornings: list[datetime.datetime] = []
        self.orders: set[str] = set()
        self.weeks: list[Week] = []

    @property
    def today(self) -> int:
        return len(self.mornings)

    def quiet_days(self, last: int) -> None:
        """Let ordinary days pass, up to one."""
        while self.today < last:
            self.morning()
            self.work(*self.places)
            self.evening()
            self.night()
            self.say_sizes("work everywhere; evening and night went well")

    def morning(self) -> None:
        self.mornings.append(datetime.datetime.now(datetime.UTC))

    def work(self, *places: Place) -> None:
        """Let people work at places, and note which orders there must be."""
        for place in places:
            taken, cancelled = place.do("work.work_a_day", place.name, self.today)
            self.orders |= set(taken)
            self.orders -= set(cancelled)

    def evening(self, *offices: Place) -> None:
        """Synchronise both ways from offices, or from both; print it where it does not go well."""
        for office in offices or self.offices:
            office.manage(*BOTH_WAYS, quiet=True)

    def night(self) -> None:
        """Prune everywhere, at the same time; print what is said of nodes that were forgotten."""
        commands = {place: self.pruning(place) for place in self.places}
        begun = {place: place.start(*command) for place, command in commands.items()}
        for place, running in begun.items():
            done = running.result()
            if done.code or "forgotten" in done.text:
                place.show(commands[place], done)
            self.check(not done.code, "pruning was to end with 0.")
        self.note_sizes()

    def pruning(self, place: Place) -> tuple[str, ...]:
        """Return the command that prunes a place; the hub is the one that others stay away from."""
        now = datetime.datetime.now(datetime.UTC)
        keep, forget = (
            f"{(now - self.morning_before(days)) / datetime.timedelta(days=1):.9f}" for days in (KEEP, FORGET)
        )
        return ("synchro_prune", "--keep", keep, *(("--forget", forget) if place is self.hub else ()))

    def morning_before(self, days: int) -> datetime.datetime:
        """Return when the last so many days have begun: in the first ones, before all that there is."""
        if days > self.today:
            return self.mornings[0] - datetime.timedelta(minutes=1)
        return self.mornings[-days]

    def say_sizes(self, text: str) -> None:
        sizes = ", ".join(f"{name} {rows}" for name, rows in self.sizes().items())
        say(f"   Day {self.today:>2}: {text}. Rows of log: {sizes}")

    def sizes(self) -> dict[str, int]:
        return {place.name: place.do("proof.log")[0] for place in self.places}

    def note_sizes(self) -> None:
        if (self.today - 1) // 7 == len(self.weeks):
            self.weeks.append(Week({}, {}))
        week, sizes = self.weeks[-1], self.sizes()
        week.most = {name: max(rows, week.most.get(name, 0)) for name, rows in sizes.items()}
        if self.today in WEEKS_END:
            week.at_its_end = {place.name: self._log_of(place) for place in self.places}

    @staticmethod
    def _log_of(place: Place) -> tuple[int, int]:
        """Ask a place how large its log is, in rows and bytes; that the hub is away does not matter."""
        told, _ = JSONDecoder().raw_decode(place.start("synchro_status", "--json").result().text)
        return told["local"]["log_rows"], told["local"]["log_bytes"]

    # Checks ------------------------------------------------------------------------------------------

    def check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            sys.exit(f"The demo is broken on day {self.today}: {otherwise}")

    def round(self) -> None:
        """Synchronise until each has what the others have."""
        self.evening(self.north, self.south, self.north)

    def cancel_what_has_come_back(self) -> None:
        """Cancel at the hub what had been cancelled already, and is there again."""
        again = sorted(self.hub.do("proof.orders") - self.orders)
        self.check(bool(again), "no cancelled order has come back, though the story says so.")
        say(f"   These had been cancelled meanwhile, and are there again: {', '.join(again)}. The hub cancels them.")
        self.hub.do("work.cancel", again)

    def say_equal(self, *, quiet: bool = True) -> None:
        """Compare each office with the hub, and what they hold with the orders that there must be, and say so."""
        self.round()
        for office in self.offices:
            told = office.manage("synchro_compare", quiet=quiet)
            self.check(told.rstrip().endswith(": equal"), f"{office.name} and the hub are not equal:\n{told}")
        held = [place.do("proof.contents") for place in self.places]
        different = {text for text in set().union(*held) if not all(text in each for each in held)}
        self.check(
            not different and len({*map(len, held)}) == 1, f"this is not the same everywhere: {sorted(different)}"
        )
        orders = self.hub.do("proof.orders")
        self.check(orders == self.orders, f"orders that are lost or came back: {sorted(orders ^ self.orders)}")
        say(f"   All three hold the same: {len(held[0])} objects, with all {len(orders)} orders that must be there.")
