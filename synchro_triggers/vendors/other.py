"""What most databases have in common; and those of which nothing more is known than that Django can write there."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


class Database:
    """What differs in the databases of one vendor: what most of them have in common, as far as it is not overridden.

    Attributes:
        IS_KNOWN: statements of our own do there what Django's would, and texts are compared in a way that is known.
        HOLDS_ANYTHING: a column holds what it is given, whatever its type: texts, blobs, other spellings of a value.
        IS_FILE: a database is a file, and who writes locks it as a whole.
        CONFUSES_TEXTS: texts that differ may be equal.
        FAILS_UNTIL_ROLLED_BACK: after an error all that is asked in the same transaction is one.
        TRANSACTION: SQL of the number of the transaction that writes; 0 where writers wait for each other.
        RETURNS_UPDATED: ``UPDATE … RETURNING`` tells what the rows are then.
        PAST_LOCKED: what lets a SELECT pass over rows that others have locked; empty: not there, or nothing does.
        FINGERPRINT: SQL that tells a database from a copy of it; empty where SQL does not tell that.
        TEXT: the type that makes a text of something.
        JSON_TEXT: what stands in a statement for JSON that is given as a text.
        AS_THEY_ARE: fields to the type of Python's for which the database has one too; elsewhere they become texts.
    """

    IS_KNOWN = False
    HOLDS_ANYTHING = False
    IS_FILE = False
    CONFUSES_TEXTS = False
    FAILS_UNTIL_ROLLED_BACK = False
    TRANSACTION = "0"
    FINGERPRINT = ""
    RETURNS_UPDATED = False
    PAST_LOCKED = ""
    TEXT = "text"
    JSON_TEXT = "%s"
    AS_THEY_ARE: Mapping[type[Any], type[Any]] = {}

    # From the settings ----------------------------------------------------------------------------

    def lacks_packages(self) -> bool:
        """Tell whether a package is not installed that this one needs there."""
        return False

    def file_address(self, name: str) -> str | None:
        """Return which database a file or URI of that name leads to; ``None``: the name does not tell."""
        return None

    def usual_port(self, vendor: str) -> str:
        """Return where servers of a vendor listen if nothing else is said; empty where there is none."""
        return "1521" if vendor == "oracle" else ""

    def server(self, connection: BaseDatabaseWrapper) -> tuple[str, int] | None:
        """Return host and port of the one server that an alias leads to; ``None``: it is no host, or nobody tells."""
        settings = connection.settings_dict
        host, port = str(settings.get("HOST") or ""), str(settings.get("PORT") or self.usual_port(connection.vendor))
        return (host, int(port)) if host and port.isdecimal() and not {"/", ","} & {*host} else None

    def fails_to_connect_within(self, seconds: int) -> dict[str, Any]:
        """Return ``OPTIONS`` with which a server that does not answer is given up after so many seconds."""
        return {}

    # Values ---------------------------------------------------------------------------------------

    def exact_collation(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the collation that tells every text from every other; ``None``: any does."""
        return None

    def is_exactly(self, wanted: Any, found: Any) -> bool:
        """Tell whether what a look-up has found is what it was asked for."""
        return True  # a text is only found by itself, or by a rule that somebody has made on purpose

    def exact_keys(self, wanted: Iterable[Any], found: set[Any]) -> set[Any]:
        """Return those of the keys that a look-up has found that it was asked for."""
        return found

    def keeps_json_text(self, connection: BaseDatabaseWrapper) -> bool:
        """Tell whether JSON is stored as it was written, with its blanks and the order of its keys."""
        return False

    # Which database it is -------------------------------------------------------------------------

    def fingerprint(self, connection: BaseDatabaseWrapper) -> str:
        """Return what tells a database from a copy of it; empty where there is nothing to tell by."""
        return ""

    def place(self, connection: BaseDatabaseWrapper) -> object:
        """Return what is the same for two connections if and only if they lead to one database, this moment."""
        return connection.vendor, str(connection.settings_dict["NAME"])  # a remote only, so never where LOCAL is

    def require_safe(self, connection: BaseDatabaseWrapper, tables: Collection[str]) -> None:
        """Raise ``Refused`` where the database would cut values of these tables short, or cannot roll them back."""

    # Drivers, transactions, locks -----------------------------------------------------------------

    def is_closed(self, driver: Any) -> bool:
        """Tell whether a driver's connection knows that it is gone."""
        return bool(getattr(driver, "closed", False))

    def is_in_transaction(self, driver: Any) -> bool:
        """Tell whether a transaction is open; not where the driver cannot be asked."""
        return False

    def is_broken(self, driver: Any) -> bool:
        """Tell whether a transaction has ended, or waits for its end, since a statement failed."""
        return False

    def sends_with_next(self, connection: BaseDatabaseWrapper) -> bool:
        """Tell whether statements may wait for the next one, and be sent with it, whatever parameters it has."""
        return False

    def execute_all(self, driver: Any, statements: Collection[str]) -> None:
        """Execute statements past Django's cursors, with one message where that is possible."""
        with closing(driver.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def swap_session_value(
        self, connection: BaseDatabaseWrapper, key: str, value: str | None, *, waits: float | None = None
    ) -> str | None:
        """Set a variable of capture's for this transaction, and return what it was; ``None`` is: not set.

        Args:
            waits: let the transaction wait for locks no longer than so many seconds, too.
        """
        return None  # nothing is captured there

    @contextmanager
    def in_utc(self, connection: Any) -> Iterator[None]:
        """Let the connection give times in UTC in the block."""
        # They are stored in the time zone of the alias: only what is read is turned into UTC.
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

    def guarded(self, connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
        """Refuse, in the block, what would end the transaction, or the connection; notice where it has ended."""
        return nullcontext()

    def may_lock(self, connection: BaseDatabaseWrapper, table: str) -> bool:
        """Tell whether rows of a table may be locked, as far as databases of this vendor know rules for that."""
        return True

    def begin_to_write(self, connection: BaseDatabaseWrapper) -> None:
        """Let the transaction that is open wait now for who writes, if it could not wait later."""

    def short_waits(self, connection: BaseDatabaseWrapper, seconds: float) -> AbstractContextManager[None]:
        """Let what is done in the block, around a transaction, wait for locks no longer than that."""
        return nullcontext()

    def statements_wait_shortly(self, connection: BaseDatabaseWrapper, seconds: float) -> AbstractContextManager[None]:
        """Let each statement in the block wait for locks no longer than that, whoever executes it."""
        return nullcontext()
