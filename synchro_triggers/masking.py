"""What an error says, without what opens a database: output is read by many, and drivers quote what they got."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, quote_plus

from django.db import connections

MASK = "***"

#: ``postgres://user:password@host``; a password may hold what a URL would have to quote.
_IN_URL = re.compile(r"(?<=://)(?:[^\s/@:]*:[^\s]*(?=@)|[^\s/@]+(?=@))")

#: What stands for a user and a password in connection strings (``user=… password='…'``, ``UID=…;PWD={…}``), in the
#: query of a URL, in calls, on command lines, in variables of the environment (``PGPASSWORD=…``), and in settings as
#: Python or JSON shows them. In a quoted one, a doubled quote is one of its own.
_USER = r"user|username|user\s?id|uid"
_PASSWORD = r"\w*(?:password|passwd|pwd|passphrase)"
_QUOTED = r"'(?:\\.|''|[^'\\])*'|\"(?:\\.|\"\"|[^\"\\])*\""
_VALUE = rf"({_QUOTED}|\{{(?:\}}\}}|[^}}])*\}}|(?:(?!&\w+=)[^\s,;)])+)"
_IN_PARAMETERS = re.compile(rf"\b({_USER}|{_PASSWORD})(\s*=\s*){_VALUE}", re.I)
_IN_SETTINGS = re.compile(rf"(['\"])({_USER}|{_PASSWORD})(\1\s*:\s*)({_QUOTED})", re.I)

#: ``CREATE ROLE ann PASSWORD '…'``, ``IDENTIFIED BY '…'``: drivers quote the statement that was refused.
_IN_SQL = re.compile(rf"\b(password|identified\s+by)(\s+)({_QUOTED})", re.I)


def without_credentials(text: str) -> str:
    """Return ``text`` with the passwords and user names of ``DATABASES``, and those of any connection string, masked.

    A user name is masked where a driver speaks of the user (``for user "ann"``): elsewhere the same word
    may be the name of a table or an app.
    """
    text = _IN_URL.sub(MASK, text)
    text = _IN_SETTINGS.sub(rf"\1\2\3{MASK}", text)
    text = _IN_PARAMETERS.sub(rf"\1\2{MASK}", text)
    text = _IN_SQL.sub(rf"\1\2{MASK}", text)
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
    return [spelled for password in found if password for spelled in _spellings(str(password))]


def _spellings(password: str) -> set[str]:
    """Return a password as it is, and as URLs, connection strings and SQL quote it."""
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    return {password, quote(password, safe=""), quote_plus(password), escaped, password.replace("'", "''")}
