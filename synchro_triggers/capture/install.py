"""Install, remove and compare triggers on one database; the same code for both vendors."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from django.db import DatabaseError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ..conf import get_settings
from ..exceptions import Refused, SynchroConfigurationError
from ..vendors.vendor import writing_on
from .catalog import Catalogs
from .own_tables import require_own_tables
from .schema import is_migrated
from .tables import CapturedColumn, CapturedTable, captured_models, captured_tables
from .trigger import InstalledTrigger, Trigger
from .vendor import has_capture, vendor_of


@dataclass(frozen=True)
class Comparison:
    """What a database's triggers are, against what they should be.

    Attributes:
        missing, outdated: triggers that should be there, or be different.
        orphaned: installed triggers that nothing asks for any more.
        absent_tables: captured tables that the database does not have.
        lacking: columns that a model has and its table has not.
        views: captured models that are a view there, or a table of somewhere else: nothing can be seen of them.
    """

    missing: tuple[Trigger, ...]
    outdated: tuple[Trigger, ...]
    orphaned: tuple[InstalledTrigger, ...]
    absent_tables: tuple[CapturedTable, ...]
    views: tuple[CapturedTable, ...] = ()
    lacking: tuple[tuple[CapturedTable, str], ...] = ()

    @property
    def fits(self) -> bool:
        return not (self.missing or self.outdated or self.orphaned)

    @property
    def new_partitions(self) -> tuple[Trigger, ...]:
        """Return what is missing on partitions of tables that have triggers."""
        bare = {trigger.label for trigger in self.missing if not trigger.of_partition}
        return tuple(trigger for trigger in self.missing if trigger.of_partition and trigger.label not in bare)

    def describe(self) -> list[str]:
        """Return a line for each table and what is wrong with its triggers, sorted."""
        lines = {f"{trigger.table} ({trigger.label}): missing" for trigger in self.missing}
        lines |= {f"{trigger.table} ({trigger.label}): outdated" for trigger in self.outdated}
        lines |= {f"{trigger.table} ({trigger.label}): orphaned" for trigger in self.orphaned}
        lines |= {f"{table.table} ({table.label}): no column {column!r}" for table, column in self.lacking}
        return sorted(lines)

    def faults(self) -> list[str]:
        """Return the same, or nothing where all that is wrong are columns that triggers which fit do not know."""
        return [] if self.fits else self.describe()


def require_capture(alias: str) -> None:
    """Raise ``SynchroConfigurationError`` where changes cannot be captured: such a database only receives."""
    vendor_of(connections[alias])


def compare(alias: str, *, replicated: bool = False, catalogs: Catalogs | None = None) -> Comparison:
    """Compare the triggers of ``alias`` with what the settings and models ask for.

    Args:
        alias: the database.
        replicated: what logical replication applies shall be logged, too; otherwise it may be as it is.
        catalogs: those that a run looks at.

    Raises:
        Refused: this package's tables are missing on ``alias``, or are not as this version needs them.
        SynchroConfigurationError: nothing can be captured there.
    """
    connection = connections[alias]
    vendor_of(connection)

    def look() -> Comparison:
        require_own_tables(alias)
        return _compare(connection, list(captured_tables(get_settings().models)), replicated)

    return (catalogs or Catalogs()).ask(alias, ("triggers", replicated), look)


def _compare(connection: BaseDatabaseWrapper, wanted_tables: list[CapturedTable], replicated: bool) -> Comparison:
    vendor = vendor_of(connection)
    present = vendor.existing_tables(connection, wanted_tables)
    absent = [table for table in wanted_tables if table not in present]
    views = tuple(vendor.views(connection, absent)) if absent else ()
    installed = {(trigger.name, trigger.place): trigger for trigger in vendor.installed_triggers(connection)}
    replicated = replicated or any(trigger.replicated for trigger in installed.values())
    lacking = tuple(vendor.lacking_columns(connection, present))
    wanted: list[Trigger] = vendor.full_triggers(connection, _with_what_is_there(present, lacking), replicated)
    names = {(trigger.name, trigger.place) for trigger in wanted}
    signatures = {name: trigger.signature for name, trigger in installed.items()}
    changed = [each for each in wanted if signatures.get((each.name, each.place)) != each.signature]
    outdated = [each for each in changed if (each.name, each.place) in installed]
    if outdated and (ahead := _of_other_code(connection, present, {each.label for each in outdated}, replicated)):
        changed = [
            each for each in changed if (each.name, each.place, signatures.get((each.name, each.place))) not in ahead
        ]
    return Comparison(
        missing=tuple(trigger for trigger in changed if (trigger.name, trigger.place) not in installed),
        outdated=tuple(trigger for trigger in changed if (trigger.name, trigger.place) in installed),
        orphaned=tuple(trigger for name, trigger in installed.items() if name not in names),
        absent_tables=tuple(table for table in absent if table not in views),
        views=views,
        lacking=lacking,
    )


def _with_what_is_there(
    tables: list[CapturedTable], lacking: Iterable[tuple[CapturedTable, str]]
) -> list[CapturedTable]:
    """Return the tables without the columns that a later migration brings: the triggers of older code fit them."""
    without: dict[str, set[str]] = {}
    for table, column in lacking:
        without.setdefault(table.table, set()).add(column)
    if any(column.column in without.get(table.table, ()) for table in tables for column in table.key):
        return tables  # nothing can be logged, and the database says why
    return [
        replace(table, columns=tuple(each for each in table.columns if each.column not in without.get(table.table, ())))
        for table in tables
    ]


def _of_other_code(
    connection: BaseDatabaseWrapper, tables: list[CapturedTable], labels: Collection[str], replicated: bool
) -> set[tuple[str, str, str]]:
    """Return names, places and signatures of triggers that fit tables of which models do not know all columns.

    The code of whoever has migrated the database knows them, and has made triggers with them. What their fields are
    called, and where they come, is tried: where they are several, only as the last ones.
    """
    vendor = vendor_of(connection)
    concerned = [table for table in tables if table.label in labels]
    there = vendor.columns_of(connection, [table.table for table in concerned])
    found: set[tuple[str, str, str]] = set()
    for table in concerned:
        extra = sorted(there.get(table.table, set()) - {column.column for column in table.columns})
        last = len(table.columns)
        for place in range(last + 1) if len(extra) == 1 else [last] if extra else []:
            for ending in ("", "_id"):
                more = tuple(CapturedColumn(column.removesuffix(ending), column, "") for column in extra)
                columns = (*table.columns[:place], *more, *table.columns[place:])
                triggers = vendor.full_triggers(connection, [replace(table, columns=columns)], replicated)
                found.update((each.name, each.place, each.signature) for each in triggers)
    return found


def captured_models_on(alias: str) -> tuple[type[Model], ...]:
    """Return the captured models but those that are views on ``alias``."""
    connection = connections[alias]
    chosen = get_settings().models
    models = captured_models(chosen)
    if not has_capture(connection):
        return models
    views = {table.label for table in vendor_of(connection).views(connection, list(captured_tables(chosen)))}
    return tuple(model for model in models if model._meta.label not in views)


def install(alias: str, *, replicated: bool = False) -> Comparison:
    """Bring the triggers of ``alias`` to what they should be, in one transaction.

    Args:
        alias: the database.
        replicated: log what logical replication applies, too, from now on.

    Returns:
        What had to be changed; ``absent_tables`` were left out.

    Raises:
        Refused: this package's tables are missing there, or not as they should be.
        SynchroConfigurationError: nothing can be captured there.
    """
    require_capture(alias)
    require_own_tables(alias)
    with writing_on(alias):
        found = compare(alias, replicated=replicated)
        if not found.fits:
            run_statements(alias, _statements_to_fit(alias, found))
            connection = connections[alias]
            run_statements(alias, vendor_of(connection).drop_leftovers(connection))
    return found


def cover_new_partitions(alias: str) -> tuple[Trigger, ...]:
    """Install what is missing on partitions of captured tables, and log their rows.

    Returns:
        What was installed: nothing where the right to do so is missing.
    """
    try:
        with transaction.atomic(using=alias):
            found = compare(alias)
            partitions = Comparison(found.new_partitions, (), (), ())
            run_statements(alias, _statements_to_fit(alias, partitions))
    except ProgrammingError:  # not the owner of the partition
        return ()
    return found.new_partitions


def uninstall(alias: str) -> int:
    """Remove every trigger (and trigger function) of this package from ``alias``; return how many triggers."""
    connection = connections[alias]
    vendor = vendor_of(connection)
    with transaction.atomic(using=alias):
        installed = vendor.installed_triggers(connection)
        run_statements(alias, (sql for trigger in installed for sql in vendor.drop_sql(connection, trigger)))
        run_statements(alias, vendor.drop_notice_statements(connection))
        run_statements(alias, vendor.drop_leftovers(connection))
    return len(installed)


def install_notices(alias: str) -> None:
    """Let each transaction on ``alias`` that logs something send a notice to whoever follows it.

    Raises:
        SynchroConfigurationError: the vendor has no such thing.
        Refused: the trigger cannot be made.
    """
    connection = connections[alias]
    try:
        with transaction.atomic(using=alias):
            run_statements(alias, vendor_of(connection).notice_statements(connection))
    except DatabaseError as error:
        raise Refused(
            f"--notify needs a trigger on synchro_triggers_changelog of {alias!r}, which cannot be made: "
            f"{' '.join(str(error).split())}. Follow without --notify, or let the table's owner follow once with it."
        ) from error


def installation_sql(alias: str, *, replicated: bool = False) -> str:
    """Return the SQL that installs all triggers on ``alias`` from nothing; nothing is executed."""
    connection = connections[alias]
    vendor = vendor_of(connection)
    require_own_tables(alias)
    tables = vendor.existing_tables(connection, list(captured_tables(get_settings().models)))
    lacking = vendor.lacking_columns(connection, tables)
    triggers = vendor.full_triggers(connection, _with_what_is_there(tables, lacking), replicated)
    return "\n".join(f"{sql.strip().removesuffix(';')};" for trigger in triggers for sql in trigger.statements)


def captures(alias: str, catalogs: Catalogs | None = None) -> bool:
    """Tell whether triggers of this package are installed on ``alias``."""
    connection = connections[alias]
    if not has_capture(connection):
        return False
    ask = vendor_of(connection).has_triggers
    if catalogs is None:
        return ask(connection)
    return catalogs.ask(alias, "has triggers", lambda: ask(connection))


def captured_labels(alias: str, catalogs: Catalogs | None = None) -> frozenset[str]:
    """Return the labels of the models that triggers of this package capture on ``alias``."""
    connection = connections[alias]

    def look() -> frozenset[str]:
        return frozenset(trigger.label for trigger in vendor_of(connection).installed_triggers(connection))

    return look() if catalogs is None else catalogs.ask(alias, "captured labels", look)


def require_tables(found: Comparison, alias: str, *, migrated_may_lack: bool = False) -> None:
    """Look whether each captured model has a table on ``alias``; a view that an app's name has brought in is left out.

    Args:
        found: what ``compare()`` has found there.
        alias: the database.
        migrated_may_lack: tables that ``migrate`` makes may be missing: their models are left out.

    Raises:
        Refused: one has none.
        SynchroConfigurationError: one that is listed by itself is a view.
    """
    listed = get_settings().listed_by_itself
    if views := [table for table in found.views if table.label in listed]:
        names = ", ".join(f"{table.label} ({table.table!r})" for table in views)
        raise SynchroConfigurationError(
            f"No table but a view, or a table of somewhere else, on {alias!r}: {names}. Changes cannot be captured "
            "there; take it out of SYNCHRO_MODELS."
        )
    absent = [each for each in found.absent_tables if not (migrated_may_lack and _is_made_by_migrate(alias, each))]
    if absent:
        tables = ", ".join(f"{table.label} (table {table.table!r})" for table in absent)
        raise Refused(
            f"No table on {alias!r} for: {tables}. Run `manage.py migrate --database {alias}`, "
            "or take the model out of SYNCHRO_MODELS."
        )


def _is_made_by_migrate(alias: str, table: CapturedTable) -> bool:
    models = [model for model in captured_models(get_settings().models) if model._meta.label == table.label]
    return any(is_migrated(alias, model) for model in models)


def _statements_to_fit(alias: str, found: Comparison) -> list[str]:
    connection = connections[alias]
    vendor = vendor_of(connection)
    drops = [sql for trigger in found.orphaned for sql in vendor.drop_sql(connection, trigger)]
    wrong = sorted((*found.missing, *found.outdated), key=lambda trigger: trigger.of_partition)
    makes = [sql for trigger in wrong for sql in trigger.statements]
    return drops + makes + [sql for trigger in found.new_partitions for sql in trigger.catch_up]


def run_statements(alias: str, statements: Iterable[str]) -> None:
    """Execute SQL without parameters."""
    with connections[alias].cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
