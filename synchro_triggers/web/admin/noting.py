"""The admin's own log: who has pressed what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from ...masking import without_credentials
from .places import record_id

#: How many entries a record's page shows.
_ENTRIES = 20

#: Characters of a record's text that the admin's log has place for.
_LENGTH = 200


def note(request: HttpRequest, alias: str, records: Iterable[Model], said: str, *, gone: bool = False) -> None:
    """Write into the admin's log what the user of a request has done to records.

    Args:
        request: whose user it was.
        alias: the database that has the records.
        records: they.
        said: what was done, in a sentence.
        gone: they are not there any more.
    """
    for record in records:
        LogEntry.objects.create(
            user=cast(Any, request.user),  # nobody else comes so far
            content_type=_type_of(type(record)),
            object_id=record_id(alias, record.pk),
            object_repr=without_credentials(str(record))[:_LENGTH],
            action_flag=DELETION if gone else CHANGE,
            change_message=without_credentials(said),
        )


def entries_of(model: type[Model], name: str) -> list[LogEntry]:
    """Return what the admin's log has of a record, the newest first."""
    found = LogEntry.objects.filter(object_id=name, content_type=_type_of(model))
    return list(found.select_related("user").order_by("-action_time", "-pk")[:_ENTRIES])


def _type_of(model: type[Model]) -> ContentType:
    return ContentType.objects.get_for_model(model, for_concrete_model=False)
