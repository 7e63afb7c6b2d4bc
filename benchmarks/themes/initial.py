"""The first load of an empty remote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management import call_command, load_command_class
from django.db import connections, transaction

from synchro_triggers import reset_synchro

from ..apps.replayed.models import Item
from ..harness import Results, check, take_turns, timed
from ..sides import LOCAL, REMOTE, check_equal, fill_local, settle, start_over
from ..sizes import Sizes
from .replay import Dump

UNIT = "s"
FULL = "synchro_triggers, --full"
LOGGED = "synchro_triggers, from the log"
DUMP = "dumpdata | loaddata"
COPY = "COPY"
ATTACH = "INSERT … SELECT, attached"

_COLUMNS = ", ".join(field.column for field in Item._meta.concrete_fields)


def has_option(option: str) -> bool:
    """Tell whether ``synchronize`` has this option."""
    parser = load_command_class("synchro_triggers", "synchronize").create_parser("manage.py", "synchronize")
    return option in parser._option_string_actions


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results(baseline=DUMP)
    measure = f"{sizes.initial_objects:,} objects"
    loads: dict[str, tuple[bool, Callable[[], object]]] = {
        LOGGED: (True, lambda: call_command("synchronize", verbosity=0)),
        DUMP: (False, lambda: Dump().upsert(adding=True)),
    }
    if has_option("--full"):
        loads = {FULL: (False, lambda: call_command("synchronize", "--full", verbosity=0)), **loads}
    if vendor == "postgres":
        loads[COPY] = (False, _copy)
    else:
        loads[ATTACH] = (False, _attach)

    def round_of(name: str, logged: bool, load: Callable[[], object]) -> Callable[[], dict[str, float]]:
        objects = sizes.initial_slow_objects if name == DUMP else sizes.initial_objects
        return lambda: {measure: _time_load(objects, logged, load) * sizes.initial_objects / objects}

    rounds = min(3, sizes.rounds)
    found = take_turns({name: round_of(name, *options) for name, options in loads.items()}, rounds, warm_up=False)
    if FULL not in loads:
        results.add_missing(measure, FULL, UNIT, "not there")
    for name in loads:
        note = f"measured with {sizes.initial_slow_objects:,} objects" if name == DUMP else ""
        results.add(measure, name, UNIT, found[measure, name], note)
    results.notes.append(f"{FULL}: nothing of it is in the log; {LOGGED}: every object is.")
    return results


def _time_load(objects: int, logged: bool, load: Callable[[], object]) -> float:
    start_over()
    fill_local(objects)
    if not logged:
        reset_synchro()
    settle()
    with timed() as watch:
        load()
    check_equal("initial load")
    return watch.seconds


def _copy() -> None:
    """Pipe COPY TO into COPY FROM."""
    source: Any
    target: Any
    with (
        transaction.atomic(using=REMOTE),
        connections[LOCAL].cursor() as source,
        connections[REMOTE].cursor() as target,
        source.copy(f"COPY replayed_item ({_COLUMNS}) TO STDOUT (FORMAT binary)") as reader,
        target.copy(f"COPY replayed_item ({_COLUMNS}) FROM STDIN (FORMAT binary)") as writer,
    ):
        for chunk in reader:
            writer.write(chunk)


def _attach() -> None:
    """Let SQLite read the one file into the other."""
    with connections[REMOTE].cursor() as cursor:
        cursor.execute("ATTACH DATABASE %s AS source", [str(connections[LOCAL].settings_dict["NAME"])])
        cursor.execute(f"INSERT INTO replayed_item ({_COLUMNS}) SELECT {_COLUMNS} FROM source.replayed_item")
        copied = cursor.rowcount
        cursor.execute("DETACH DATABASE source")
    check(copied, Item.objects.using(LOCAL).count(), "rows copied")
