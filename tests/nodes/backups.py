"""Backups of three nodes, to which they are put back."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connections

from tests.databases import Databases, Vendor
from tests.nodes.nodes import NAMES, Nodes
from tests.replay.hearing import later


class Backups:
    """Backups of the three databases, the last one of each, and what puts one back.

    Args:
        databases: makes copies.
        nodes: the nodes.
        vendors: theirs.
    """

    def __init__(self, databases: Databases, nodes: Nodes, vendors: Sequence[Vendor]) -> None:
        self._databases, self._nodes = databases, nodes
        self._vendors = dict(zip(NAMES, vendors, strict=True))
        self._made: dict[str, tuple[Vendor, str]] = {}

    def take(self, name: str) -> None:
        """Copy a node's database."""
        self._close(name)
        vendor, database = self._vendors[name], connections.settings[name]["NAME"]
        self._made[name] = vendor, self._databases.duplicate(vendor, database, f"backup_{name}")
        later()

    def put_back(self, name: str) -> None:
        """Let a node's database be what it was when it was copied."""
        later()
        self._close(name)
        vendor, kept = self._made[name]
        self._databases.overwrite(vendor, connections.settings[name]["NAME"], kept)

    def _close(self, name: str) -> None:
        self._nodes.close()
        connections[name].close()

    def remove(self) -> None:
        for each in self._made.values():
            self._databases.remove(*each)
