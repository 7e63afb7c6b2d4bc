"""Two objects that want the same unique values: which of them gets others, and what a callable may say of it. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ...exceptions import SynchroConfigurationError


@dataclass(frozen=True)
class Clash:
    """Two objects of which only one can have some unique values.

    The one that was changed last gets others, by the times of their versions, and of equal ones that of the higher
    identity: that is the same on all nodes.

    Attributes:
        label: ``app.Model``.
        fields: the names of the fields whose values are unique together.
        kept: the values of the object that keeps them, by names of fields, as the database holds them where they meet.
        renamed: those of the object that gets others.
        kept_at, renamed_at: when the two were changed last.
        kept_author, renamed_author: the identities of the nodes whose users have done so, where they are known.

    Example:
        ``SYNCHRO_OPTIONS = {"shop.Ticket": {"unique": "shop.rules.another_number"}}``, and in ``shop/rules.py``::

            def another_number(clash: Clash) -> dict[str, object]:
                return {"number": f"{clash.renamed['number']}-{clash.renamed_author[:4]}"}
    """

    label: str
    fields: tuple[str, ...]
    kept: Mapping[str, Any]
    renamed: Mapping[str, Any]
    kept_at: datetime.datetime
    renamed_at: datetime.datetime
    kept_author: str = ""
    renamed_author: str = ""


def other_values(clash: Clash, rule: Callable[[Clash], object], names: Collection[str], key: str) -> Mapping[str, Any]:
    """Return the values that a callable gives the object which cannot keep its own.

    Args:
        rule: the option ``unique``.
        names: the fields that are copied.
        key: the primary key of the object, for the message.

    Raises:
        SynchroConfigurationError: it returned something else.
        Exception: what it has raised.
    """
    setting = f"SYNCHRO_OPTIONS[{clash.label!r}]['unique']"
    try:
        found = rule(clash)
    except Exception as error:
        error.add_note(f"raised by the callable of {setting}, for {clash.label} {key}")
        raise
    wanted = f"it must return other values of {', '.join(clash.fields)}, like {{{clash.fields[0]!r}: …}}"
    if not isinstance(found, Mapping) or not found:
        raise SynchroConfigurationError(
            f"{setting}: the callable returned {found!r} for {clash.label} {key}; {wanted}."
        )
    wrong = [name for name, value in found.items() if name not in names or isinstance(value, Model)]
    if wrong:
        raise SynchroConfigurationError(
            f"{setting}: the callable returned {wrong[0]!r} for {clash.label} {key}, which is no field that is copied "
            f"(there are {', '.join(names)}), or an object, not its key; {wanted}."
        )
    if all(found.get(name, clash.renamed[name]) == clash.renamed[name] for name in clash.fields):
        raise SynchroConfigurationError(
            f"{setting}: the callable left {', '.join(clash.fields)} of {clash.label} {key} as they are; {wanted}."
        )
    return found
