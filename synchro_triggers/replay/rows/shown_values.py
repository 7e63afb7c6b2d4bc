"""Two values of a field as people are shown them: short, printable, and nothing that may be a secret. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ...key_texts import printable_key
from ...masking import MASK
from .json_text import JsonText


@dataclass(frozen=True)
class FieldDifference:
    """A field with two values, as text; ``None`` is NULL. What may be a secret is masked, what is long is cut."""

    field: str
    local: str | None
    remote: str | None


#: Characters of a value that are shown.
_AT_MOST = 200

#: Characters that are shown before the first one that differs.
_BEFORE = 40

_SECRET = re.compile(r"passw|passphrase|secret|token|credential|signature|api_?key|private_?key|session_data", re.I)

UNREADABLE = "(cannot be read)"


def difference_of(field: Any, local: Any, remote: Any) -> FieldDifference:
    """Return what is shown of a field's two values: short, printable, and nothing that may be a secret."""
    if _SECRET.search(field.name):
        return FieldDifference(field.name, _masked(local), _masked(remote))
    return FieldDifference(field.name, *_both(_text(local), _text(remote)))


def difference_across(field: Any, local: Any, expected: Any, remote: Any) -> FieldDifference:
    """Return the same where the local value is another one on the remote: a key that was given out there.

    Args:
        field: the field.
        local: its value here.
        expected: what that is there.
        remote: its value there.
    """
    return difference_of(field, local if str(expected) == str(local) else f"{local} (there: {expected})", remote)


def _masked(value: Any) -> str | None:
    return None if value is None else MASK


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, JsonText):
        value = value.text
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return printable_key(str(value))


def _both(local: str | None, remote: str | None) -> tuple[str | None, str | None]:
    """Cut long texts, around the first character that differs."""
    if max(len(local or ""), len(remote or "")) <= _AT_MOST:
        return local, remote
    pairs = zip(local or "", remote or "", strict=False)
    same = next((number for number, (one, other) in enumerate(pairs) if one != other), None)
    first = same if same is not None else min(len(local or ""), len(remote or ""))
    start = max(0, first - _BEFORE) if local is not None and remote is not None else 0
    return _cut(local, start), _cut(remote, start)


def _cut(text: str | None, start: int) -> str | None:
    if text is None or (len(text) <= _AT_MOST and not start):
        return text
    end = start + _AT_MOST
    part = f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
    return f"{part} ({len(text)} characters)"
