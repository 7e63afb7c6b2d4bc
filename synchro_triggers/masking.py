"""What an error says, without what opens a database: output is read by many, and drivers quote what they got."""

from __future__ import annotations

import re
from typing import Any

from django.db import connections

MASK = "***"

#: ``postgres://user:password@host`` and ``user=... password='...'``, the two ways to write a connection down.
_IN_URL = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_IN_PARAMETERS = re.compile(r"\b(user|(?:ssl)?password|passwd)(\s*=\s*)('(?:\\.|[^'\\])*'|\"[^\"]*\"|[^\s,;)]+)", re.I)


def without_credentials(text: str) -> str:
    """Return ``text`` with the passwords and user names of ``DATABASES``, and those of any connection string, masked.

    A user name is masked where a driver speaks of the user (``for user "ann"``): elsewhere the same word
    may be the name of a table or an app.
    """
    text = _IN_URL.sub(MASK, text)
    text = _IN_PARAMETERS.sub(rf"\1\2{MASK}", text)
    databases = connections.settings.values()
    # A password inside a word is somebody else's word; the longest first, as one may begin with another.
    for password in sorted({word for database in databases for word in _passwords(database)}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(password)}(?!\w)", MASK, text)
    for user in {str(database.get("USER") or "") for database in databases} - {""}:
        text = re.sub(rf"\b((?:user|role)\s+)(['\"]){re.escape(user)}\2", rf"\1\2{MASK}\2", text, flags=re.I)
    return text


def masked(told: Any) -> Any:
    """Return plain values, for JSON, with each text in them masked in the same way."""
    if isinstance(told, str):
        return without_credentials(told)
    if isinstance(told, dict):
        return {key: masked(value) for key, value in told.items()}
    return [masked(each) for each in told] if isinstance(told, (list, tuple)) else told


def _passwords(database: dict[str, object]) -> list[str]:
    options = database.get("OPTIONS")
    given = options if isinstance(options, dict) else {}
    found = [database.get("PASSWORD"), *(given.get(name) for name in ("password", "passwd", "sslpassword"))]
    return [str(password) for password in found if password]
