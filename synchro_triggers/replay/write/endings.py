"""A run's transaction is ended by the run alone: statements of receivers that would end it are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from ...exceptions import ObjectNotApplied

#: A savepoint may be rolled back to. MySQL has more such statements, see there.
_ENDING = re.compile(
    r"\s*(?:COMMIT|END|ABORT|PREPARE\s+TRANSACTION|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b))\b", re.IGNORECASE
)


@contextmanager
def ends_refused(alias: str) -> Iterator[None]:
    """Refuse, in the block, statements that would end the transaction on ``alias``.

    What was written before it would stay, without its references and the progress: the next run would write it again.

    Example:
        ``with ends_refused("remote"): post_save.send(...)``
    """

    def refuse_or(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if isinstance(sql, str) and _ENDING.match(sql):
            raise ObjectNotApplied(
                f"a receiver was about to execute {' '.join(sql.split())[:60]!r} on {alias!r}, which would end the "
                "transaction of the run, and half of what belongs together would stay. It was not executed. Leave "
                "it to the run, or use a block of transaction.atomic()"
            )
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(refuse_or):
        yield
