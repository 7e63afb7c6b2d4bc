"""Rows of the remote of which something is known that is no reference of LOCAL's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from ...models import Reference
from ..identity.reference_table import text_of
from ..log.made import made_and_there
from ..plan.context import RunContext
from ..rows.selecting import rows_with


def known_there(context: RunContext, root: type[Model], keys: Sequence[Any]) -> set[Any]:
    """Return those of the remote's rows of which it knows that others, or its users since, have made them."""
    remote, texts = context.remote, {text_of(key): key for key in keys}
    named = rows_with(Reference, remote, remote_pk=texts).filter(model_label=root._meta.label)
    there = {texts[text] for text in named.values_list("remote_pk", flat=True)}
    return there | (made_and_there(root, keys, remote, origin="") if context.logs else set())


def known_by_then(context: RunContext, root: type[Model], keys: Sequence[Any]) -> set[Any]:
    """Return those of the remote's rows that would have gone the other way before, if this were no dry run.

    Both ways of a dry run are about the same objects: all of them, or those that were logged.
    """
    return set(keys) if context.after_the_other_way == "full" else made_and_there(root, keys, context.remote)
