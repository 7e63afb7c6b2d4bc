"""What the drivers of the vendors say of their errors."""

from __future__ import annotations

from . import mysql, postgres, sqlite
from .kinds import Kind


def kind_of_driver(error: BaseException) -> Kind | None:
    """Return what an error of a driver speaks of; ``None``: it is of no driver that is known here."""
    return postgres.kind_of(error) or sqlite.kind_of(error) or mysql.kind_of(error)
