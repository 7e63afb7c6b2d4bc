"""A month of a wholesaler of coffee: a hub and two offices, and all that goes wrong in thirty days.

Three SQLite files in a temporary folder. A place whose URL is in the environment is on PostgreSQL instead:
``SYNCHRO_DEMO_MAIN_URL`` (the hub), ``SYNCHRO_DEMO_OFFICE_URL`` (the north office) and
``SYNCHRO_DEMO_SECOND_OFFICE_URL`` (the south office). Their roles must be allowed to make databases: one of them is
restored, one is taken over by a standby. Run it with ``make demo-month``.

It ends with 0 only where each step ends as the story says, the three databases are equal, and their logs are small.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from itertools import count

from month import BOTH_WAYS, FORGET, KEEP, WEEKS_END, Month, say
from place import Place


class Story(Month):
    """The chapters, in their order; each ends with three equal databases."""

    def tell(self) -> None:
        self._chapters = count(1)
        say("A wholesaler of coffee has a hub and two offices, north and south. Each has a database of its own:")
        say("   " + ", ".join(f"{place.name} on {place.do('place.vendor')}" for place in self.places))
        say("Simulated are the days, which last as long as their commands take, the line that is cut, the disk that")
        say("dies, and the standby, which is a copy of the hub's database. The commands, and what they say, are real.")
        self.begin()
        self.lose_the_line()
        self.fail_over()
        self.restore_a_backup()
        self.stay_away()
        self.prove()

    # The chapters ------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.chapter("The hub has the catalogue; the offices are new. Each place gets triggers, which log each change.")
        for place in self.places:
            place.do("prepare.prepare", place.name)
            place.manage("synchro_install_triggers")
        self.morning()
        self.hub.do("work.import_catalogue")
        say("   Each office sends what is new, and fetches what is new at the hub. It will do so each evening:")
        for office in self.offices:
            office.manage(*BOTH_WAYS)
        self.work(*self.places)
        self.evening()
        say(f"   Each night all prune their logs. They keep what is younger than {KEEP} days, and what another node")
        say(f"   has not passed; the hub waits no longer than {FORGET} days. Of real days these are small fractions:")
        for place in self.places:
            place.manage(*self.pruning(place))
        self.note_sizes()
        say("   From now on these commands are shown only where something goes wrong.")
        self.quiet_days(5)
        self.say_equal()

    def lose_the_line(self) -> None:
        self.chapter("Days 6 to 8, an outage: nobody reaches the hub. Everybody goes on working.")
        for office in self.offices:
            office.do("place.cut_line")
        for _ in range(3):
            self.morning()
            self.work(*self.places)
            for office in self.offices:
                office.manage(*BOTH_WAYS, code=5, quiet=self.today > 6 or office is self.south)
            self.night()
        say("   Exit code 5: a database is out of reach, each evening, for both offices. On day 8 monitoring says:")
        self.north.manage("synchro_status", "--check", code=5)
        for office in self.offices:
            office.do("place.repair_line")
        say("   The line is repaired. Nothing else is to be done: the next run brings it all.")
        self.north.manage(*BOTH_WAYS)
        self.say_equal()
        self.quiet_days(11)

    def fail_over(self) -> None:
        self.chapter("Day 12, a failover: the hub's server dies. Its standby, which has all of it, takes over.")
        self.morning()
        self.take_copy(self.hub)
        self.put_in_place(self.hub)
        self.work(*self.places)
        say("   People go on at once. But the offices see that the hub's database is in another place than before:")
        self.north.manage(*BOTH_WAYS, code=3)
        say(
            "   Exit code 3: it is refused to fetch. This might be a copy beside the original. It is not, says the hub:"
        )
        self.hub.manage("synchro_reset", "--keep-identity")
        self.north.manage(*BOTH_WAYS)
        self.say_equal()
        self.night()
        self.quiet_days(14)

    def restore_a_backup(self) -> None:
        self.take_copy(self.north)
        self.quiet_days(15)
        self.chapter("Day 16, a restored backup: north's disk has died in the night. Its backup is one day old.")
        self.morning()
        self.put_in_place(self.north)
        lost = sorted(self.orders - self.north.do("proof.orders"))
        self.check(bool(lost), "the backup of north has all orders, though the story says that it is old.")
        say(
            f"   North lacks {len(lost)} orders that came since. It works on, and sees nothing of it until the evening:"
        )
        self.work(*self.places)
        self.north.manage(*BOTH_WAYS, code=3)
        say("   Exit code 3. This time something is lost: north gives out keys again by which south knows lost orders.")
        say("   So north goes on as the successor of what it was: what its backup holds keeps its names, what it makes")
        say("   from now on has new ones, and what is lost comes back from the hub:")
        self.north.manage("synchro_reset", "--keep-identity")
        self.north.manage(*BOTH_WAYS)
        self.say_equal()
        self.night()
        self.quiet_days(17)

    def stay_away(self) -> None:
        self.chapter("Days 18 to 27, a node that is away: south is at a fair, works all day, and reaches nobody.")
        while self.today < 27:
            self.morning()
            self.work(*self.places)
            self.evening(self.north)
            self.night()
            self.say_sizes("south works for itself")
        say("   The hub knows by its identity who fetches from it; this is south's. On day 28 south is back, and wants")
        say("   to go on:")
        self.morning()
        self.work(*self.places)
        self.south.manage(*BOTH_WAYS, code=3)
        say("   Exit code 3: what south has not received is pruned. Of the two ways back it takes the first:")
        self.south.manage("synchronize", "--full", "--both")
        self.round()
        self.cancel_what_has_come_back()
        self.say_equal()
        self.night()
        self.quiet_days(30)

    def prove(self) -> None:
        self.chapter("The proof. Each office compares all of its rows with the hub's:")
        self.say_equal(quiet=False)
        say(
            "   Rows of the log after a night's pruning: the most of some days, and of the last of them, with its size:"
        )
        for last, week in zip(WEEKS_END, self.weeks, strict=True):
            sizes = [
                f"{name} {week.most[name]:>4}, {rows:>4} ({size / 1000:,.0f} kB)"
                for name, (rows, size) in week.at_its_end.items()
            ]
            say(f"      to day {last:>2}: {'; '.join(sizes)}")
        for place in self.places:
            rows, newest, oldest = place.do("proof.log")
            is_young = oldest is None or oldest >= self.morning_before(KEEP)
            self.check(is_young, f"the log of {place.name} has a row of {oldest}, which is more than {KEEP} days old.")
            say(f"   {place.name.capitalize():<5} has written {newest:,} rows, and keeps {rows}: the last {KEEP} days.")
        say()
        say("The three databases are equal, and their logs are small.")

    # What chapters are made of -----------------------------------------------------------------------

    def chapter(self, title: str) -> None:
        say()
        say(f"{next(self._chapters)}. {title}")

    def take_copy(self, place: Place) -> None:
        for each in self.places:
            each.do("place.hang_up")
        place.do("disks.copy")

    def put_in_place(self, place: Place) -> None:
        for each in self.places:
            each.do("place.hang_up")
        place.do("disks.put_copy_in_place")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = [stack.enter_context(closing(Place(name, folder))) for name in ("hub", "north", "south")]
        for place in places:
            stack.callback(place.do, "disks.delete_copy")
        Story(*places).tell()


if __name__ == "__main__":
    main()
