"""Texts of primary keys as references and failures store them: any text, of any length, in a column with an index.

Nearly every key is stored as it is. One that is too long for an index (PostgreSQL: 2704 bytes for all of its columns),
or that a database may not hold as text (a NUL, or bytes that are no UTF-8), is stored as its digest, with the full key
as JSON in a column beside it. So is one that looks like a digest, or like the key of a row that is gone.
"""

from __future__ import annotations

import hashlib
import json

#: Characters of a key that is stored as it is.
KEY_LENGTH = 500

_DIGEST = "sha256:"

_GONE = "gone:"


def stored_key(text: str) -> str:
    """Return what a key is stored and looked up as; different keys never share it."""
    reserved = text.startswith((_DIGEST, _GONE))
    if len(text) <= KEY_LENGTH and "\0" not in text and not reserved and is_encodable(text):
        return text
    return _digest_of(text)


def _digest_of(text: str) -> str:
    return _DIGEST + hashlib.sha256(json.dumps(text).encode()).hexdigest()


def full_key(text: str) -> str | None:
    """Return what is stored beside a key; ``None`` where it is stored as it is."""
    return json.dumps(text) if is_digest(stored_key(text)) else None


def read_full_key(stored: str, full: str | None) -> str:
    """Return the key that was stored; what was stored of it, where somebody has written something else beside it."""
    try:
        return str(json.loads(full)) if full is not None else stored
    except (ValueError, RecursionError):
        return stored


def is_digest(stored: str) -> bool:
    """Tell whether the full key stands beside what is stored."""
    return stored.startswith(_DIGEST)


def gone_key(stored: str) -> str:
    """Return what the key of a row that is gone is stored as: no look-up of a row's key finds it.

    Args:
        stored: what the key was stored as.
    """
    gone = f"{_GONE}{stored}"
    return gone if len(gone) <= KEY_LENGTH else _GONE + _digest_of(stored)


def key_of_unseen(source: str, key: str, logged: int | None, ended: int) -> str:
    """Return the text that a log has for the key of an object of which its database has no row: none can have it.

    Args:
        source: the node that has made it.
        key: what its key there is stored as.
        logged, ended: what tells it from others that have had the key there, as a reference has it.
    """
    return f"{source}:{ended}:{logged or ''}:{key}"


def name_of_unseen(text: str) -> tuple[str, str, int | None, int] | None:
    """Return what ``key_of_unseen()`` has made a text of; ``None``: it has not made it."""
    source, ended, logged, key = (*text.split(":", 3), "", "", "")[:4]
    if not key or not ended.isdecimal() or not (logged.isdecimal() or not logged):
        return None
    return source, key, int(logged) if logged else None, int(ended)


def is_gone_key(stored: str) -> bool:
    """Tell whether the row that had a stored key is gone."""
    return stored.startswith(_GONE)


def key_of_gone(stored: str) -> str:
    """Return the key that a row had that is gone."""
    return stored.removeprefix(_GONE)


def is_encodable(text: str) -> bool:
    """Tell whether a text is Unicode: SQLite may have bytes in a text that are none, which are read as surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable_key(text: str) -> str:
    """Return a key for people and for output that takes Unicode only."""
    return text if is_encodable(text) else text.encode(errors="surrogateescape").decode(errors="backslashreplace")
