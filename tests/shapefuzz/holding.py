"""Columns that hold keys without being foreign keys: the option ``references``.

The name of such a column says what it leads to: ``k_b_to_a`` of B holds a key of A's, ``j_b_to_a`` holds it inside of
JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import JSONField, Model

from tests.shapefuzz.drafting import Draft

_HOLDER = re.compile(r"^[kj]_[a-h]_to_([a-h])$")
_NUMBERS = ("AutoField(", "models.IntegerField(")
_TEXTS = ("models.CharField(", "models.SlugField(", "models.UUIDField(")


def hold(drafts: Sequence[Draft], random: Random) -> dict[str, dict[str, object]]:
    """Give some models such a column; return the options by label."""
    options: dict[str, dict[str, object]] = {}
    for draft in drafts:
        if not draft.is_table or random.random() > 0.2:
            continue
        targets = [each for each in drafts if each.is_table and _key_of(each).find("models.") >= 0]
        targets = [each for each in targets if any(kind in _key_of(each) for kind in _NUMBERS + _TEXTS)]
        if targets:
            options[f"shapefuzz.{draft.name}"] = {"references": give_column(draft, random.choice(targets), random)}
    return options


def _key_of(draft: Draft) -> str:
    """Return the line of a primary key, or nothing."""
    own = next((line for line in draft.lines if "primary_key=True" in line and "OneToOne" not in line), "")
    if not own and draft.kind == "child" and draft.base is not None and "," not in draft.bases:
        return _key_of(draft.base)
    return own


def give_column(draft: Draft, target: Draft, random: Random) -> dict[str, object]:
    """Give a model a column that holds keys of another one; return what the option ``references`` says of it."""
    label = f"shapefuzz.{target.name}"
    kind = random.choice(("number", "text", "told", "JSON"))
    if kind == "JSON":
        name = f"j_{draft.letter}_to_{target.letter}"
        draft.lines.append(f"{name} = models.JSONField(null=True)")
        return {name: f"tests.shapefuzz.managers.keys_in_{target.letter}"}
    name = f"k_{draft.letter}_to_{target.letter}"
    number = kind == "number" and any(each in _key_of(target) for each in _NUMBERS)
    made = "models.BigIntegerField(null=True)" if number else "models.CharField(max_length=60, null=True)"
    draft.lines.append(f"{name} = {made}")
    if kind == "told":
        draft.lines.append(f"kt_{draft.letter} = models.CharField(max_length=60, null=True)")
        return {name: (f"kt_{draft.letter}",)}
    return {name: label}


# What they hold -----------------------------------------------------------------------------------


def model_held(field: Any) -> type[Model] | None:
    """Return the model of which a column holds keys, or ``None``: it is none of these columns."""
    found = _HOLDER.match(field.name)
    try:
        return apps.get_model("shapefuzz", found[1].upper()) if found else None
    except LookupError:
        return None


def is_holder(field: Any) -> bool:
    return bool(_HOLDER.match(field.name))


def key_held(field: Any, value: Any) -> Any:
    """Return the key that a column holds, or ``None``: there is none in it, or none that could be one.

    Args:
        value: as ``read_table()`` has it.
    """
    target = model_held(field)
    if isinstance(field, JSONField) and isinstance(value, str):
        found = json.loads(value)
        value = found.get("key") if isinstance(found, dict) else None
    if target is None or value is None:
        return None
    try:
        return target._meta.pk.to_python(value)
    except (ValidationError, TypeError, ValueError):
        return None


def holding(field: Any, key: Any) -> Any:
    """Return the value by which a column holds a key."""
    if key is None:
        return None
    if isinstance(field, JSONField):
        return {"key": key if isinstance(key, int) else str(key)}
    return key if field.get_internal_type() == "BigIntegerField" else str(key)
