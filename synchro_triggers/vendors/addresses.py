"""Which aliases of ``DATABASES`` lead to one database, as far as the settings tell. Pure: nothing is connected to.

Two names for one server (a host name and its address) are not recognised; a run notices them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .other import Database

_SEARCH_PATH = re.compile(r"search_path\s*=\s*(\S+)")
_LOOPBACK = {"localhost": "localhost", "127.0.0.1": "localhost", "::1": "localhost"}


def address(vendor: str, differs: Database, database: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return what is the same for two aliases if they lead to one database.

    Args:
        vendor: as a connection names it: ``'sqlite'``, ``'postgresql'``, …; several engines may have one.
        differs: what differs in its databases.
        database: the settings of an alias.

    Returns:
        ``None`` where the settings do not tell: a database in memory, one without a name, the mirror of a test.
    """
    if (database.get("TEST") or {}).get("MIRROR"):
        return None  # while tests run, it is meant to be the other one
    name = str(database.get("NAME") or "")
    if differs.IS_FILE:
        file = differs.file_address(name)
        return (vendor, file) if file else None
    options = database.get("OPTIONS") or {}
    service = str(options.get("service") or "")
    if not (name or service):
        return None
    host = str(database.get("HOST") or "")
    socket = options.get("unix_socket") or options.get("read_default_file") or ""
    schema = _SEARCH_PATH.search(str(options.get("options") or ""))
    return (
        vendor,
        name,
        service,
        _LOOPBACK.get(host.lower(), host.lower() if "/" not in host else host.rstrip("/")),
        str(database.get("PORT") or differs.usual_port(vendor)),
        str(socket),
        schema[1] if schema else "",
    )
