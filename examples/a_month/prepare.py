"""Makes a place's database ready, without triggers yet."""

from __future__ import annotations

import sys

from django.core.management import call_command
from django.db import connection


def prepare(place: str) -> None:
    """Make the tables, and empty those of an earlier demo."""
    refuse_foreign_tables(place)
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)


def refuse_foreign_tables(place: str) -> None:
    """A URL may name a database that is somebody's own: touch none but an empty one or the demo's."""
    tables = connection.introspection.table_names()
    foreign = {table for table in tables if not table.startswith(("shop_", "synchro_", "django_"))}
    if foreign:
        sys.exit(f"The database of {place} has tables that are not the demo's ({', '.join(sorted(foreign))}).")
