"""A remote whose answers take 20 ms: what counts is how many questions a run asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections

from ..apps.replayed.models import Item
from ..delaying_proxy import delayed
from ..harness import Results, check, take_turns, timed
from ..sides import LOCAL, REMOTE, change_local, check_equal, fill_local, settle, start_over
from ..sizes import Sizes
from .replay import BULK, LOOP, OURS, UNIT, Bulk, Contender, Loop, Ours

ROUND_TRIP = 0.020
_PROBES = (5, 20)


def run(vendor: str, sizes: Sizes) -> Results:
    results = Results(baseline=LOOP)
    # A way that asks something for each object is measured on fewer of them, or it would take hours.
    few, more = (_insert(Ours(), objects) for objects in _PROBES)
    asks_for_each = more - few > ROUND_TRIP / 2 * (_PROBES[1] - _PROBES[0])
    contenders: dict[str, tuple[Contender, int]] = {
        OURS: (Ours(), sizes.distant_saves if asks_for_each else sizes.distant_objects),
        BULK: (Bulk(), sizes.distant_objects),
        LOOP: (Loop(), sizes.distant_saves),
    }

    def round_of(contender: Contender, objects: int) -> Callable[[], dict[str, float]]:
        return lambda: _do_round(contender, objects)

    found = take_turns(
        {name: round_of(*options) for name, options in contenders.items()}, min(3, sizes.rounds), warm_up=False
    )
    for measure in ("inserts", "updates", "deletes"):
        for name, (_, objects) in contenders.items():
            results.add(measure, name, UNIT, found[measure, name], f"{objects:,} objects")
        results.limit(measure, OURS, ">=", 2_000, UNIT)
    results.notes.append(f"Every question to the remote takes {ROUND_TRIP * 1e3:.0f} ms; no receivers.")
    return results


def _do_round(contender: Contender, objects: int) -> dict[str, float]:
    found = {"inserts": objects / _insert(contender, objects)}
    change_local()
    found["updates"] = objects / _time("updates", contender.update)
    Item.objects.using(LOCAL).all().delete()
    found["deletes"] = objects / _time("deletes", contender.delete)
    return found


def _insert(contender: Contender, objects: int) -> float:
    """Bring that many objects to an empty remote; return the seconds."""
    start_over()
    fill_local(objects)
    return _time("inserts", contender.insert)


def _time(what: str, bring: Callable[[], None]) -> float:
    settle()
    with far_remote():
        check(_round_trip() >= ROUND_TRIP, True, "the remote is far away")
        with timed() as watch:
            bring()
    check_equal(what)
    return watch.seconds


@contextmanager
def far_remote() -> Iterator[None]:
    """Reach the remote through a delaying proxy, connected already."""
    remote = connections[REMOTE]
    near = {name: remote.settings_dict[name] for name in ("HOST", "PORT")}
    with delayed(near["HOST"], near["PORT"], ROUND_TRIP) as port:
        remote.close()
        remote.settings_dict.update(HOST="127.0.0.1", PORT=str(port))
        try:
            remote.ensure_connection()
            yield
        finally:
            remote.close()
            remote.settings_dict.update(near)


def _round_trip() -> float:
    with timed() as watch, connections[REMOTE].cursor() as cursor:
        cursor.execute("SELECT 1")
    return watch.seconds
