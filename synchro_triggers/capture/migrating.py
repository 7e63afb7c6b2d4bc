"""Keep triggers fitting while ``migrate`` changes the tables under them.

Before a plan runs, the triggers of the database are replaced by *transitional* ones, which no schema
change can break and which log every write of a data migration. While it runs, each schema statement
is watched: tables that come (or, on SQLite, are rebuilt) get transitional triggers at once. After it,
the full triggers are installed, which fit the new schema. A plan that fails half way leaves
transitional triggers behind; nothing is lost meanwhile, and the next ``migrate`` completes the job.

A database without any trigger of this package is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations import RenameField, RenameModel, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from ..conf import get_settings
from .install import has_capture, install, run_statements, vendor_of
from .tables import CapturedTable, captured_tables

Plan = list[tuple[Migration, bool]]

_SCHEMA_STATEMENT = re.compile(r"\s*(CREATE|ALTER|DROP)\s+(TEMPORARY\s+|UNLOGGED\s+)?TABLE\b", re.IGNORECASE)


def before_migrate(*, using: str = DEFAULT_DB_ALIAS, plan: Plan | None = None, **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: swap in transitional triggers and watch the plan."""
    connection = connections[using]
    _stop_watching(connection)
    if not plan or not has_capture(connection):
        return
    if _removes_this_app(plan):
        _uninstall_everything(connection)
        return
    make_transitional(using)
    connection.execute_wrappers.append(_Watcher(connection))


def after_migrate(*, using: str = DEFAULT_DB_ALIAS, plan: Plan | None = None, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``: rename what models were renamed to, then install the full triggers."""
    connection = connections[using]
    _stop_watching(connection)
    if not has_capture(connection):
        return
    if "synchro_changelog" not in connection.introspection.table_names():
        return
    rename_labels(using, label_renames(plan or []))
    if vendor_of(connection).installed_triggers(connection):
        install(using)


def is_migrating(alias: str) -> bool:
    """Tell whether a migration plan is being watched on this connection."""
    return any(isinstance(wrapper, _Watcher) for wrapper in connections[alias].execute_wrappers)


def make_transitional(alias: str) -> None:
    """Replace the installed triggers of ``alias`` by transitional ones, in one transaction."""
    connection = connections[alias]
    vendor = vendor_of(connection)
    installed = vendor.installed_triggers(connection)
    if not installed:
        return
    tables = {trigger.qualified_table: trigger.label for trigger in installed}
    with transaction.atomic(using=alias):
        run_statements(alias, vendor.transitional_setup(connection))
        run_statements(alias, (sql for trigger in installed for sql in vendor.drop_sql(connection, trigger)))
        for qualified_table, label in tables.items():
            _add_transitional(connection, label, qualified_table)


def _add_transitional(connection: BaseDatabaseWrapper, label: str, qualified_table: str) -> None:
    for trigger in vendor_of(connection).transitional_triggers(connection, label, qualified_table):
        run_statements(connection.alias, trigger.statements)


def cover_uncovered_tables(alias: str, lost: dict[str, str] | None = None) -> None:
    """Give transitional triggers to captured tables that have none, while a plan is under way.

    Args:
        alias: the database.
        lost: labels of tables that had triggers before, by bare table name: SQLite drops them with a rebuild.
    """
    connection = connections[alias]
    vendor = vendor_of(connection)
    wanted = [CapturedTable(label, table, (), ()) for table, label in (lost or {}).items()]
    names = {table.table for table in wanted}
    wanted += [table for table in captured_tables(get_settings().models) if table.table not in names]
    covered = {trigger.table for trigger in vendor.installed_triggers(connection)}
    run_statements(alias, vendor.transitional_setup(connection))
    for table in vendor.existing_tables(connection, wanted):
        if table.table.strip('"') not in covered:
            _add_transitional(connection, table.label, connection.ops.quote_name(table.table))


class _Watcher:
    """An execute wrapper that follows schema statements of a plan."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._labels: dict[str, str] = {}
        self._busy = False

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if self._busy or not isinstance(sql, str) or not _SCHEMA_STATEMENT.match(sql):
            return execute(sql, params, many, context)
        self._busy = True
        try:
            vendor = vendor_of(self._connection)
            installed = vendor.installed_triggers(self._connection)
            self._labels.update({trigger.table: trigger.label for trigger in installed})
            run_statements(self._connection.alias, vendor.before_ddl(self._connection, sql, installed))
            result = execute(sql, params, many, context)
            if self._labels:
                cover_uncovered_tables(self._connection.alias, self._labels)
            return result
        finally:
            self._busy = False


def _stop_watching(connection: BaseDatabaseWrapper) -> None:
    wrappers = connection.execute_wrappers
    wrappers[:] = [wrapper for wrapper in wrappers if not isinstance(wrapper, _Watcher)]


def _removes_this_app(plan: Plan) -> bool:
    return any(backwards and migration.app_label == "synchro_triggers" for migration, backwards in plan)


def _uninstall_everything(connection: BaseDatabaseWrapper) -> None:
    """Without a changelog every write of a captured table would fail."""
    from .install import uninstall

    uninstall(connection.alias)


# Renamed models -----------------------------------------------------------------------------------


def label_renames(plan: Plan) -> list[tuple[str, str]]:
    """Return the labels that a plan changes, old and new, in the order of the plan."""
    renames = []
    for migration, backwards in plan:
        operations = list(_flat(migration.operations))
        for operation in reversed(operations) if backwards else operations:
            pair = _renamed_by(operation, migration.app_label)
            if pair is not None:
                renames.append((pair[1], pair[0]) if backwards else pair)
    return renames


def _flat(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.state_operations)
        else:
            yield operation


def _renamed_by(operation: Operation, app_label: str) -> tuple[str, str] | None:
    if isinstance(operation, RenameModel):
        return f"{app_label}.{operation.old_name}", f"{app_label}.{operation.new_name}"
    if isinstance(operation, RenameField):  # of a many-to-many field: the automatic table's label
        model = operation.model_name
        return f"{app_label}.{model}_{operation.old_name}", f"{app_label}.{model}_{operation.new_name}"
    return None


def rename_labels(alias: str, renames: list[tuple[str, str]]) -> None:
    """Rename labels in the changelog, the references and the failures of ``alias``."""
    from ..models import ChangeLog, Failure, Reference

    if not renames:
        return
    with transaction.atomic(using=alias):
        for model in (ChangeLog, Reference, Failure):
            rows = model._base_manager.using(alias)
            labels = rows.order_by().values_list("model_label", flat=True).distinct()
            for stored in list(labels):
                renamed = _follow_renames(stored, renames)
                if renamed != stored:
                    rows.filter(model_label=stored).update(model_label=renamed)


def _follow_renames(label: str, renames: list[tuple[str, str]]) -> str:
    for old, new in renames:
        if label.lower() == old.lower():
            label = new
        elif label.lower().startswith(f"{old.lower()}_"):
            label = new + label[len(old) :]
    return _exact_case(label)


def _exact_case(label: str) -> str:
    """Return the label as the model has it: operations may write model names in any case."""
    app_label, _, name = label.partition(".")
    if app_label in apps.app_configs:
        for model in apps.get_app_config(app_label).get_models(include_auto_created=True):
            if model.__name__.lower() == name.lower():
                return model._meta.label
    return label
