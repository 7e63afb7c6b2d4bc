"""A wholesaler of tea has a hub and two offices, each with a database of its own, and users on all of them.

Three SQLite files in a temporary folder. A place whose URL is in the environment is on PostgreSQL instead:
``SYNCHRO_DEMO_MAIN_URL`` (the hub), ``SYNCHRO_DEMO_OFFICE_URL`` (the north office) and
``SYNCHRO_DEMO_SECOND_OFFICE_URL`` (the south office). Run it with ``make demo-offices``.

It ends with 0 only where the three databases are proved to be equal at the end.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack, closing
from itertools import count

from place import Place
from proof import side_by_side

ANN, BOB, ZOE = "ann@cafe.example", "bob@hotel.example", "zoe@bistro.example"
BOTH_WAYS = ("synchronize", "--both")


def say(text: str = "") -> None:
    print(text, flush=True)


class Story:
    """The chapters, in their order; each begins and ends with three equal databases.

    Args:
        hub, north, south: the places.
    """

    def __init__(self, hub: Place, north: Place, south: Place) -> None:
        self.hub, self.north, self.south = hub, north, south
        self.places, self.offices = (hub, north, south), (north, south)
        self._chapters = count(1)

    def tell(self) -> None:
        say("A wholesaler of tea has a hub and two offices, north and south. Each has a database of its own:")
        say("   " + ", ".join(f"{place.name} on {place.do('place.vendor')}" for place in self.places))
        self.start_equal()
        self.work_apart()
        self.change_one_price_twice()
        self.meet_the_same_customer()
        self.lose_the_hub()
        self.count_the_stock()
        self.change_two_fields()
        self.write_two_notes()
        self.prove()

    # The chapters -----------------------------------------------------------------------------------

    def start_equal(self) -> None:
        self.chapter("All three start with the same articles and customers, which each has imported for itself.")
        prepared = [place.start("prepare.prepare", place.name, backwards=place is self.south) for place in self.places]
        for each in prepared:
            each.result()
        say("   The hub gets triggers, which log each change. That is its last command: it reaches no office, and the")
        say("   offices, which reach it, do all the rest.")
        self.hub.manage("synchro_install_triggers")
        say("   North gets triggers too, and looks up which of its objects is which of the hub's, for the keys differ.")
        self.north.manage("synchro_install_triggers")
        self.north.manage("synchro_link")
        say("   South does the same, without many words.")
        self.south.manage("synchro_install_triggers", "--verbosity=0")
        self.south.manage("synchro_link", "--verbosity=0")
        self.compare()

    def work_apart(self) -> None:
        self.chapter("Each place works for itself.")
        self.do(self.north, "takes an order of Ann's", "take_order", ANN, "2026-12-01", ASSAM=3, EARL=1)
        self.do(self.north, "labels Assam as organic", "label", "ASSAM", "organic")
        self.do(self.south, "takes an order of Bob's", "take_order", BOB, "2026-12-02", MINT=10)
        self.do(self.south, "learns Bob's new phone number", "change_phone", BOB, "555-22")
        self.do(self.hub, "renames Sencha", "rename", "SENCHA", "Sencha, first flush")
        self.do(self.hub, "gives up the old chai", "drop_article", "CHAI")
        say("   Then a round: each office sends what is new, and fetches what is new at the hub. North does so again,")
        say("   for what South has brought. The tables count both ways together; later rounds are shown without them.")
        self.round(brief=False)
        self.say_equal()

    def change_one_price_twice(self) -> None:
        self.chapter("A conflict: both offices set the price of Assam, which is 3.90.")
        self.do(self.north, "sets it to 4.20", "change_price", "ASSAM", "4.20")
        self.do(
            self.south, "sets it to 4.50 a moment later, knowing nothing of North's", "change_price", "ASSAM", "4.50"
        )
        self.round()
        self.say_equal("The later change stands, 4.50. But it is on record:", holds="ASSAM: Assam, strong, 4.50")
        number = self.number_of_open_conflict()
        say("   'local' is the version that was sent, South's; 'remote' is what the hub had by then, North's. South")
        say("   does not reach North and has no name for it, so it shows the identity of North's database.")
        self.south.manage("synchro_conflicts", "--show", number)
        say("   The staff agree on North's price after all. South says so, and the change travels as any other:")
        self.south.manage("synchro_conflicts", "--take", "remote", number)
        self.round()
        self.say_equal("Assam costs 4.20 everywhere.", holds="ASSAM: Assam, strong, 4.20")

    def meet_the_same_customer(self) -> None:
        self.chapter("Both offices meet the same new customer. Its natural key is the e-mail address.")
        self.do(self.north, "enters Zoe's Bistro, 555-03", "add_customer", ZOE, "Zoe's Bistro", "555-03")
        self.do(self.north, "takes an order of hers", "take_order", ZOE, "2026-12-03", SENCHA=2)
        self.do(self.south, "enters her as Bistro Zoe, 555-33", "add_customer", ZOE, "Bistro Zoe", "555-33")
        self.do(self.south, "takes an order of hers", "take_order", ZOE, "2026-12-04", EARL=5)
        self.round()
        text = "Zoe is one customer, as South has entered her, with both orders. It is on record:"
        self.say_equal(text, holds="Bistro Zoe, 555-33")
        number = self.number_of_open_conflict()
        say("   South's version is right, and South says so. That closes the conflict, and nothing is written.")
        self.south.manage("synchro_conflicts", "--take", "local", number)

    def lose_the_hub(self) -> None:
        self.chapter("The hub is away. The offices go on working.")
        for office in self.offices:
            office.do("place.cut_line")
        self.do(self.north, "takes an order of Bob's", "take_order", BOB, "2026-12-05", ASSAM=1)
        self.do(self.south, "learns Ann's new phone number", "change_phone", ANN, "555-11")
        for office in self.offices:
            office.manage(*BOTH_WAYS, code=5)
        say("   Exit code 5: a database is out of reach. Nothing is lost, and the next run will bring it all.")
        self.do(self.north, "takes an order of Ann's all the same", "take_order", ANN, "2026-12-06", EARL=2)
        self.do(self.south, "raises all prices by 10 %", "raise_all_prices", percent=10)
        for office in self.offices:
            office.do("place.repair_line")
        say("   The hub is back.")
        self.round()
        self.say_equal("All of it has been caught up.", holds="Ann's Café, 555-11")

    def count_the_stock(self) -> None:
        self.chapter(
            "A counter: of the 120 Assam in stock all three sell or buy some. The option 'counters' adds it up."
        )
        self.do(self.north, "sells 5", "move_stock", "ASSAM", -5)
        self.do(self.south, "sells 7", "move_stock", "ASSAM", -7)
        self.do(self.hub, "buys 50", "move_stock", "ASSAM", 50)
        self.round()
        self.say_equal("There are 158, and there is no conflict.", holds="ASSAM: Assam, strong, 4.62, 158 in stock")

    def change_two_fields(self) -> None:
        self.chapter("One article, two fields: articles are merged by field, so each of two changes stands.")
        self.do(self.north, "renames Earl Grey", "rename", "EARL", "Earl Grey, blue")
        self.do(self.south, "sets its price to 4.80", "change_price", "EARL", "4.80")
        self.round()
        self.say_equal(holds="EARL: Earl Grey, blue, 4.80")

    def write_two_notes(self) -> None:
        self.chapter("A merge: both offices write a note about Ann. The rule in shop/rules.py keeps the lines of both.")
        self.do(self.north, 'notes: "Wants invoices by e-mail."', "write_note", ANN, "Wants invoices by e-mail.")
        self.do(self.south, 'notes: "Closed on Mondays."', "write_note", ANN, "Closed on Mondays.")
        self.round()
        text = "Ann has both notes everywhere. The merge is on record too, until somebody takes it off:"
        self.say_equal(text, holds="Closed on Mondays. Wants invoices by e-mail.")
        number = self.number_of_open_conflict()
        self.south.manage("synchro_conflicts", "--forget", number)

    def prove(self) -> None:
        self.chapter("The proof. Each office compares all of its rows with the hub's:")
        self.compare()
        say("   What the three hold, side by side. The numbers are primary keys, which are each database's own:")
        lines, different = self.side_by_side()
        say("\n".join(f"   {line}" for line in lines))
        if different:
            sys.exit(f"The proof fails: {different} of these lines are not the same everywhere.")
        say()
        say("The three databases are equal.")

    # What chapters are made of ----------------------------------------------------------------------

    def chapter(self, title: str) -> None:
        say()
        say(f"{next(self._chapters)}. {title}")

    def do(self, place: Place, text: str, function: str, *args: object, **kwargs: object) -> None:
        """Let people at a place do something, and say it. Whoever comes after them is later by any clock."""
        place.do(f"work.{function}", *args, **kwargs)
        say(f"   {place.name.capitalize():<6} {text}")
        time.sleep(0.01)

    def round(self, *, brief: bool = True) -> None:
        for office in (*self.offices, self.north):
            office.manage(*BOTH_WAYS, brief=brief)

    def number_of_open_conflict(self) -> str:
        """List conflicts, as somebody in the south would, and read the number of the open one, which comes first."""
        listed = self.south.manage("synchro_conflicts", code=1)
        return listed.split(maxsplit=2)[1].rstrip(":")

    def compare(self) -> None:
        """Let each office compare itself with the hub; what differs for a good reason is not equal either."""
        for office in self.offices:
            if not office.manage("synchro_compare").rstrip().endswith(": equal"):
                sys.exit(f"The proof fails: {office.name} and the hub are not equal.")

    def say_equal(self, text: str = "", *, holds: str = "") -> None:
        """Say that all three hold the same, and what that is, if it is so.

        Args:
            text: what there is to be said of it.
            holds: what is to be among the contents then.
        """
        lines, different = self.side_by_side()
        if different or not any(holds in line for line in lines):
            say("\n".join(f"   {line}" for line in lines))
            sys.exit(
                f"The demo is broken: {different} of these lines are not the same everywhere, or {holds!r} is missing."
            )
        say(f"   All three hold the same. {text}".rstrip())

    def side_by_side(self) -> tuple[list[str], int]:
        return side_by_side({place.name: place.do("proof.contents") for place in self.places})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = (stack.enter_context(closing(Place(name, folder))) for name in ("hub", "north", "south"))
        Story(*places).tell()


if __name__ == "__main__":
    main()
