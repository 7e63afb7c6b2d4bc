"""django-synchro's tables on LOCAL (0.5 to 0.7), read as they are: its code is not needed any more."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from django.conf import settings as django_settings
from django.conf.global_settings import LANGUAGES
from django.db import connections
from django.utils import timezone
from django.utils.formats import get_format

from ...capture.vendor import columns_of
from ...conf import local_alias
from ...exceptions import Refused
from ..rows.utc import zone_of
from .old_texts import read_last_check

ADDITION, CHANGE, DELETION, LINKS_CHANGED = 1, 2, 3, 4

_PAGE = 1000

#: Tables, and the columns that are asked for.
_TABLES = {
    "synchro_reference": {"id", "content_type_id", "local_object_id", "remote_object_id"},
    "synchro_changelog": {"id", "content_type_id", "object_id", "date", "action"},
    "synchro_deletekey": {"changelog_id", "key"},
    "django_content_type": {"id", "app_label", "model"},
}

_REFERENCES = """
    SELECT kept.id, kept.content_type_id, kind.app_label, kind.model, kept.local_object_id, kept.remote_object_id
      FROM synchro_reference AS kept LEFT JOIN django_content_type AS kind ON kind.id = kept.content_type_id
     WHERE kept.id > %s ORDER BY kept.id LIMIT %s
"""

_LOG = """
    SELECT logged.id, logged.content_type_id, kind.app_label, kind.model, logged.object_id, logged.date, logged.action,
           of_deleted.key
      FROM synchro_changelog AS logged
      LEFT JOIN django_content_type AS kind ON kind.id = logged.content_type_id
      LEFT JOIN synchro_deletekey AS of_deleted ON of_deleted.changelog_id = logged.id
     WHERE logged.id > %s {since} ORDER BY logged.date, logged.id
"""

_LAST_CHECK = """
    SELECT value FROM dbsettings_setting WHERE module_name = 'synchro.models' AND attribute_name = 'last_check'
"""

_EVER_ADDED = """
    SELECT object_id FROM synchro_changelog WHERE content_type_id = %s AND action = 1 AND object_id IN ({keys})
"""


class OldReference(NamedTuple):
    """Which remote row an object is; ``label`` is ``app.model``, in lower case, and ``None`` where nobody knows."""

    id: int
    kind: int
    label: str | None
    local: str
    remote: str


class OldRow(NamedTuple):
    """A row of its log. ``natural_key``: as Python wrote it, of an object that was deleted, if it had one."""

    id: int
    kind: int
    label: str | None
    key: str
    date: datetime.datetime
    action: int
    natural_key: str | None


class LastRun(NamedTuple):
    """When it has run last, as far as that can be told; ``None``: never, or nobody knows."""

    earliest: datetime.datetime | None = None
    latest: datetime.datetime | None = None


def require_old_tables() -> None:
    """Look whether django-synchro's tables are there.

    Raises:
        Refused: they are not, or are somebody else's.
    """
    alias = local_alias()
    present = columns_of(connections[alias], list(_TABLES))
    wrong = [f"there is no table {table}" for table in _TABLES if table not in present]
    lacking = {table: sorted(columns - present.get(table, columns)) for table, columns in _TABLES.items()}
    wrong += [f"{table} has no {', '.join(columns)}" for table, columns in lacking.items() if columns]
    if wrong:
        raise Refused(
            f"There is nothing of django-synchro's on {alias!r} to be adopted: {'; '.join(wrong)}. Its tables are "
            "looked for in the database that has logged (LOCAL), where its releases 0.5 to 0.7 put them."
        )


def references() -> Iterator[list[OldReference]]:
    """Yield its references, page by page, in the order in which they were made."""
    last = 0
    while rows := _rows(_REFERENCES, [last, _PAGE]):
        yield [OldReference(pk, kind, _label(*of), local, remote) for pk, kind, *of, local, remote in rows]
        last = rows[-1][0]


def log_after(last: int, since: datetime.datetime | None) -> list[OldRow]:
    """Return what it has logged, in the order in which it would have sent that.

    Args:
        last: only rows with a higher id.
        since: only rows of this time and later ones; ``None``: all.
    """
    params: list[Any] = [last]
    if since is not None:
        params.append(_as_stored(since))
    later = "AND logged.date >= %s" if since is not None else ""
    return [
        OldRow(pk, kind, _label(*of), key, _time(date), action, text)
        for pk, kind, *of, key, date, action, text in _rows(_LOG.format(since=later), params)
    ]


def ever_added(kind: int, keys: Collection[str]) -> set[str]:
    """Return those of an object's keys of which its log has ever said that the object was made."""
    if not keys:
        return set()
    marks = ", ".join(["%s"] * len(keys))
    return {key for (key,) in _rows(_EVER_ADDED.format(keys=marks), [kind, *keys])}


def last_run() -> LastRun:
    """Return when it has run last, or was reset."""
    columns = columns_of(connections[local_alias()], ["dbsettings_setting"]).get("dbsettings_setting", set())
    if not {"module_name", "attribute_name", "value"} <= columns:
        return LastRun()
    languages = dict.fromkeys(code for code, _ in (*django_settings.LANGUAGES, *LANGUAGES))
    formats = ["%Y-%m-%d %H:%M:%S", *(get_format("DATETIME_INPUT_FORMATS", each, True)[0] for each in languages)]
    zones = datetime.UTC, timezone.get_default_timezone()
    read = [read_last_check(value, dict.fromkeys(formats), zones) for (value,) in _rows(_LAST_CHECK, [])]
    known = [times for times in read if times is not None]
    if not known or len(known) < len(read):  # of several sites, say
        return LastRun()
    return LastRun(min(earliest for earliest, _ in known), max(latest for _, latest in known))


def _rows(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connections[local_alias()].cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _label(app_label: str | None, model: str | None) -> str | None:
    return None if app_label is None or model is None else f"{app_label}.{model}"


def _as_stored(time: datetime.datetime) -> Any:
    if not django_settings.USE_TZ:
        time = timezone.make_naive(time, timezone.get_default_timezone())
    return connections[local_alias()].ops.adapt_datetimefield_value(time)


def _time(value: Any) -> datetime.datetime:
    """Return a time as one that knows its zone: SQLite gives it without, and perhaps as a text."""
    read: datetime.datetime = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    if read.tzinfo is None:
        zone = zone_of(local_alias()) if django_settings.USE_TZ else timezone.get_default_timezone()
        read = read.replace(tzinfo=zone)
    return read.astimezone(datetime.UTC)
