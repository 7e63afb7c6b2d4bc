"""Content types: their names tell them for good, and no reference does.

``migrate`` gives their numbers out anew where some were lost (a backup that was put back), of which no log tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model

from ...conf import get_settings, local_alias
from ..rows.selecting import rows_of, rows_with


def are_told_by_names(root: type[Model]) -> bool:
    """Tell whether objects of a root model are content types, of which no log tells."""
    return root._meta.label == "contenttypes.ContentType" and root not in get_settings().models


def called_the_same(remote: str, root: type[Model], keys: Iterable[Any]) -> dict[Any, Any]:
    """Return the remote keys of content types with the names of LOCAL's, by local key."""
    rows = _named(rows_with(root, local_alias(), pk=list(keys)))
    here = {(app_label, model): key for key, app_label, model in rows}
    if not here:
        return {}
    apps = {app_label for app_label, _ in here}
    there = _named(rows_of(root, remote).filter(app_label__in=apps))
    return {here[app_label, model]: key for key, app_label, model in there if (app_label, model) in here}


def _named(rows: Any) -> Iterable[tuple[Any, str, str]]:
    named: Iterable[tuple[Any, str, str]] = rows.values_list("pk", "app_label", "model")
    return named
