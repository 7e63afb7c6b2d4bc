"""What most databases have in common; and those of which nothing more is known than that Django can write there."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

IS_KNOWN = False
HOLDS_ANYTHING = False
IS_FILE = False
CONFUSES_TEXTS = False
FAILS_UNTIL_ROLLED_BACK = False
TRANSACTION = "0"
FINGERPRINT = ""
TEXT = "text"
JSON_TEXT = "%s"
AS_THEY_ARE: dict[type[Any], type[Any]] = {}


def lacks_packages() -> bool:
    return False


def file_address(name: str) -> str | None:
    return None


def usual_port(vendor: str) -> str:
    return "1521" if vendor == "oracle" else ""


def exact_collation(connection: BaseDatabaseWrapper) -> str | None:
    return None


def is_exactly(wanted: Any, found: Any) -> bool:
    """A text is only found by itself, or by a rule that somebody has made on purpose."""
    return True


def exact_keys(wanted: Iterable[Any], found: set[Any]) -> set[Any]:
    return found


def keeps_json_text(connection: BaseDatabaseWrapper) -> bool:
    return False


def fingerprint(connection: BaseDatabaseWrapper) -> str:
    return ""


def place(connection: BaseDatabaseWrapper) -> object:
    """It is a remote only, and so never where LOCAL is."""
    return connection.vendor, str(connection.settings_dict["NAME"])


def require_safe(connection: BaseDatabaseWrapper, tables: Collection[str]) -> None:
    pass


def is_closed(driver: Any) -> bool:
    return bool(getattr(driver, "closed", False))


def is_in_transaction(driver: Any) -> bool:
    return False


def is_broken(driver: Any) -> bool:
    return False


def sends_with_next(connection: BaseDatabaseWrapper) -> bool:
    return False


def execute_all(driver: Any, statements: Collection[str]) -> None:
    with closing(driver.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)


def swap_session_value(connection: BaseDatabaseWrapper, key: str, value: str | None) -> str | None:
    """Nothing is captured there."""
    return None


@contextmanager
def in_utc(connection: Any) -> Iterator[None]:
    """Times are stored in the time zone of the alias: only what is read is turned into UTC."""
    operations = connection.ops
    as_django_does = operations.convert_datetimefield_value

    def convert(value: Any, expression: Any, connection: Any) -> Any:
        time = as_django_does(value, expression, connection)
        aware = isinstance(time, datetime.datetime) and time.tzinfo is not None
        return time.astimezone(datetime.UTC) if aware else time

    operations.convert_datetimefield_value = convert
    try:
        yield
    finally:
        del operations.convert_datetimefield_value


def guarded(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    return nullcontext()


def may_lock(connection: BaseDatabaseWrapper, table: str) -> bool:
    return True


def short_waits(connection: BaseDatabaseWrapper, seconds: float) -> AbstractContextManager[None]:
    return nullcontext()


def wait_shortly(connection: BaseDatabaseWrapper, seconds: float) -> None:
    pass


def statements_wait_shortly(connection: BaseDatabaseWrapper, seconds: float) -> AbstractContextManager[None]:
    return nullcontext()
