"""Whether what is written on LOCAL is logged, in words that say nothing of names and addresses."""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import ImproperlyConfigured

from ...capture import install
from ...conf import LOCAL
from ...exceptions import DatabaseUnreachable, Refused, SynchroError
from ...reaching import clear_errors


def why_not_ready() -> str:
    """Return why LOCAL is not ready: it is down, or its tables or triggers do not fit; ``""``: it is."""
    try:
        with clear_errors(LOCAL):
            found = install.compare(LOCAL)
    except DatabaseUnreachable:
        return "The database cannot be reached."
    except Refused:
        return "The tables of synchro_triggers are missing, or an older version's: migrate."
    except (SynchroError, ImproperlyConfigured):
        return "The settings of synchro_triggers are wrong, or the database refuses to answer."
    missing = tuple(each for each in found.missing if each not in found.new_partitions)  # the next run covers those
    if replace(found, missing=missing, orphaned=()).describe() or found.absent_tables:
        return "Triggers or tables are missing or do not fit: synchro_install_triggers --check."
    return ""
