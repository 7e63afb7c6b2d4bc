"""``synchronize --follow`` with its queries counted: ``python -m benchmarks.following COUNT_FILE [option ...]``.

SIGUSR1 writes the number of queries up to now into the file.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any


def main(count_file: str, *options: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()

    from django.core.management import call_command
    from django.db.backends.signals import connection_created

    queries = count()

    def count_query(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        next(queries)
        return execute(sql, params, many, context)

    def watch(connection: Any, **kwargs: Any) -> None:
        if count_query not in connection.execute_wrappers:
            connection.execute_wrappers.append(count_query)

    def write_count(*args: Any) -> None:
        # count() tells its state only by moving on, or by its repr: 'count(17)'.
        Path(count_file).write_text(repr(queries).removeprefix("count(").removesuffix(")"))

    connection_created.connect(watch)
    signal.signal(signal.SIGUSR1, write_count)
    call_command("synchronize", "--follow", *options, verbosity=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
