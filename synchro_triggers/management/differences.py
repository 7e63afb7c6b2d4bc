"""How commands print objects and fields that are not the same on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..conf import local_alias
from ..replay.compare.report import Difference
from ..replay.rows.shown_values import FieldDifference


def keys_shown(local_key: str | None, remote_key: str | None, remote: str) -> str:
    """Return how an object is named: its key on LOCAL, and in brackets that on the remote, as far as they are known."""
    return " ".join(each for each in (local_key, remote_key and f"({remote!r}: {remote_key})") if each)


def lines_of(found: Difference) -> Iterator[str]:
    """Yield the lines for an object: what is known of it, then its fields."""
    said = [found.state.value]
    if found.only:
        said.append(f"only on {local_alias() if found.only == 'local' else found.remote!r}")
    said += filter(None, [found.reason])
    yield f"{keys_shown(found.local_key, found.remote_key, found.remote)}: {'; '.join(said)}"
    yield from lines_of_fields(found.fields, found.remote)


def lines_of_fields(fields: Iterable[FieldDifference], remote: str) -> Iterator[str]:
    """Yield a line for each field, with both values."""
    for each in fields:
        here, there = value_shown(each.local), value_shown(each.remote)
        yield f"  {each.field}: {here} on {local_alias()!r}, {there} on {remote!r}"


def value_shown(value: str | None) -> str:
    """Return a value as text, so that NULL is told from a text of that name."""
    return "NULL" if value is None else repr(value)
