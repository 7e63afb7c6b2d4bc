"""Texts that django-synchro has stored: natural keys as Python wrote them, and the time of its last run. Pure.

It evaluated the former. Here nothing is: of an expression only what a natural key is made of is taken.
"""

from __future__ import annotations

import ast
import datetime
import decimal
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

#: Calls by which Python writes values that have no literal.
_MADE: dict[str, Callable[..., Any]] = {
    "datetime.date": datetime.date,
    "datetime.datetime": datetime.datetime,
    "datetime.time": datetime.time,
    "datetime.timedelta": datetime.timedelta,
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
}

#: What Python 3 writes as a name, and Python 2's Django wrote as an instance.
_UTC = {"datetime.timezone.utc", "UTC", "utc"}

_LONG_INTEGER = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\b(\d+)L\b""")


def read_natural_key(text: str) -> tuple[Any, ...]:
    """Read ``repr()`` of a natural key, of Python 2 or 3.

    Raises:
        ValueError: it is no tuple of plain values, or was cut off.

    Example:
        >>> read_natural_key("(u'Kowalski', datetime.date(2013, 2, 28), 7L)")
        ('Kowalski', datetime.date(2013, 2, 28), 7)
    """
    plain = _LONG_INTEGER.sub(lambda found: found[1] or found[2], text.replace("<UTC>", "UTC"))
    try:
        read = _value(ast.parse(plain.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is no natural key: {error}") from error
    if not isinstance(read, (tuple, list)):
        raise ValueError(f"{text!r} is no natural key, but a single value")
    return tuple(read)


def _value(node: ast.AST) -> Any:
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_value(each) for each in node.elts)
    if isinstance(node, ast.Call):
        made = _MADE.get(ast.unparse(node.func))
        if made is not None:
            named = {each.arg: _value(each.value) for each in node.keywords if each.arg}
            return made(*(_value(each) for each in node.args), **named)
    if isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in _UTC:
        return datetime.UTC
    return ast.literal_eval(node)  # a constant, or a negative number


def read_last_check(
    text: str, formats: Iterable[str], zones: Iterable[datetime.tzinfo]
) -> tuple[datetime.datetime, datetime.datetime] | None:
    """Read when django-synchro's last run was: no earlier than the first, no later than the second.

    It stored the time in the format of whatever language was active, without its zone (UTC after a run, the project's
    after a reset), and cut the parts of a second off.

    Args:
        text: what it stored.
        formats: those that it may have used.
        zones: those that it may have meant.

    Returns:
        ``None``: the text is none of these.
    """
    read = []
    for each in formats:
        try:
            read.append(datetime.datetime.strptime(text, each))
        except ValueError:
            continue
    meant = [time.replace(tzinfo=zone).astimezone(datetime.UTC) for time in read for zone in zones]
    return (min(meant), max(meant) + datetime.timedelta(seconds=1)) if meant else None
