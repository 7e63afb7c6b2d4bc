"""Which aliases of ``DATABASES`` lead to one database, as far as the settings tell. Pure: nothing is connected to.

Two names for one server (a host name and its address) are not recognised; a run notices them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_SEARCH_PATH = re.compile(r"search_path\s*=\s*(\S+)")
_LOOPBACK = {"localhost": "localhost", "127.0.0.1": "localhost", "::1": "localhost"}
_PORTS = {"postgresql": "5432", "mysql": "3306", "oracle": "1521"}


def address(vendor: str, database: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return what is the same for two aliases if they lead to one database.

    Args:
        vendor: as a connection names it: ``'sqlite'``, ``'postgresql'``, …; several engines may have one.
        database: the settings of an alias.

    Returns:
        ``None`` where the settings do not tell: a database in memory, one without a name, the mirror of a test.
    """
    if (database.get("TEST") or {}).get("MIRROR"):
        return None  # while tests run, it is meant to be the other one
    name = str(database.get("NAME") or "")
    if vendor == "sqlite":
        return _address_of_file(name)
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
        str(database.get("PORT") or _PORTS.get(vendor, "")),
        str(socket),
        schema[1] if schema else "",
    )


def _address_of_file(name: str) -> tuple[str, ...] | None:
    if name.startswith("file:"):
        path, _, query = name.removeprefix("file:").partition("?")
        if path.startswith(":memory:") or "mode=memory" in query:
            return ("sqlite", name) if "cache=shared" in query else None
        name = unquote(path.removeprefix("//") if path.startswith("///") else path)
    if name in {"", ":memory:"}:
        return None
    return ("sqlite", os.path.realpath(name))
