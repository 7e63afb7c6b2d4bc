"""Where the databases of a test run are: in memory, if the machine has a folder for that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

IN_MEMORY = Path("/dev/shm")
"""Linux' files that are on no disk: a copy of a database is there four times as fast."""

ROOM = 4 * 1024**3
"""Bytes that must be free there: what a run may need; many containers have no more than 64 MiB."""


def folder_in_memory() -> Path | None:
    """Return such a folder, or ``None``: then ``tempfile`` knows where temporary files are."""
    usable = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK | os.X_OK)
    return IN_MEMORY if usable and shutil.disk_usage(IN_MEMORY).free > ROOM else None
