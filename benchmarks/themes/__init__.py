"""One module a theme; each has ``run(vendor, sizes)``, which returns figures and targets."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ..harness import Results
from ..sizes import Sizes

#: In the order of a full run, with what each is about.
THEMES = {
    "capture": "what a write costs with the log being kept",
    "replay": "objects a second written on the remote",
    "backlog": "time and memory of one run over a long log",
    "initial": "100,000 objects to an empty remote",
    "follow": "from a commit on LOCAL to the remote, and what waiting costs",
    "start": "a run with nothing to do, behind a long log",
    "compare": "whether both sides are equal, row by row",
    "prune": "a long log is looked at, and pruned",
    "distant": "a remote 20 ms away",
}

#: Themes that make no sense on every vendor.
ONLY_ON = {"distant": "postgres"}


def runner(theme: str) -> Callable[[str, Sizes], Results]:
    """Return the theme's ``run``."""
    run: Callable[[str, Sizes], Results] = import_module(f"{__name__}.{theme}").run
    return run
