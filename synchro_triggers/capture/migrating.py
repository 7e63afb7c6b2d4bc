"""Keep triggers fitting while ``migrate`` changes the tables under them.

Before a plan runs, the triggers of the database are replaced by *transitional* ones, which no schema
change can break and which log every write of a data migration. While it runs, each schema statement
is watched: tables that come (or, on SQLite, are rebuilt) get transitional triggers at once. When Django
records a migration, what this package knows follows the models that it renamed, in the same transaction.
After the plan the full triggers are installed, which fit the new schema. A plan that fails half way leaves
transitional triggers behind; nothing is lost meanwhile, and the next ``migrate`` completes the job.

A database without any trigger of this package is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from ..conf import get_settings
from .install import install, run_statements, uninstall
from .label_renames import Plan, label_renames
from .moved_models import moved_labels
from .tables import CapturedTable, captured_tables
from .trigger import LEADING_COMMENTS
from .unlogged import describe_unlogged
from .vendor import has_capture, vendor_of

_SCHEMA_STATEMENT = re.compile(
    LEADING_COMMENTS + r"((CREATE|ALTER|DROP)\s+(\w+\s+)?TABLE|CREATE\s+UNIQUE\s+INDEX)\b", re.IGNORECASE | re.DOTALL
)
_NEW_TABLE = re.compile(LEADING_COMMENTS + r"CREATE\s+(\w+\s+)?TABLE\b", re.IGNORECASE | re.DOTALL)
_RECORD = re.compile(r"(INSERT INTO|DELETE FROM)\W+django_migrations\b")


def before_migrate(
    *, using: str = DEFAULT_DB_ALIAS, plan: Plan | None = None, apps: Apps | None = None, **kwargs: Any
) -> None:
    """Receiver of ``pre_migrate``: swap in transitional triggers and watch the plan."""
    connection = connections[using]
    _stop_watching(connection)
    if not plan:
        return
    if _removes_this_app(plan):
        if has_capture(connection):
            uninstall(using)  # without a changelog every write of a captured table would fail
        return
    watcher = _Watcher(connection, plan)
    if has_capture(connection) and _has_our_tables(connection):
        watcher.covered = {trigger.table for trigger in vendor_of(connection).installed_triggers(connection)}
        make_transitional(using)
    moved = moved_labels(apps, plan) if apps is not None else []
    if moved and _has_our_tables(connection):
        rename_labels(using, moved)
    connection.execute_wrappers.append(watcher)


def after_migrate(
    *, using: str = DEFAULT_DB_ALIAS, plan: Plan | None = None, verbosity: int = 0, stdout: Any = None, **kwargs: Any
) -> None:
    """Receiver of ``post_migrate``: install the full triggers."""
    connection = connections[using]
    covered = {table for wrapper in connection.execute_wrappers for table in getattr(wrapper, "covered", ())}
    _stop_watching(connection)
    if not has_capture(connection) or not _has_our_tables(connection):
        return
    vendor = vendor_of(connection)
    if installed := vendor.installed_triggers(connection):
        covered = covered if plan else {trigger.table for trigger in installed}
        found = install(using)
        if verbosity and stdout is not None:
            added = {trigger.table for trigger in found.missing} - covered
            stdout.writelines(f"  {line}\n" for line in describe_unlogged(using, added))
            left = {trigger.table for trigger in vendor.installed_triggers(connection)}
            if removed := sorted({trigger.table for trigger in found.orphaned} - left):
                stdout.write(f"  {using}: not captured any more, by SYNCHRO_MODELS: {', '.join(removed)}.\n")
    else:
        run_statements(using, vendor.drop_leftovers(connection))


def is_migrating(alias: str) -> bool:
    """Tell whether a migration plan is being watched on this connection."""
    return any(isinstance(wrapper, _Watcher) for wrapper in connections[alias].execute_wrappers)


def make_transitional(alias: str) -> None:
    """Replace the installed triggers of ``alias`` by transitional ones, in one transaction.

    Those of logical replication stay: where they do not fit any more, replication waits until the plan is done.
    """
    connection = connections[alias]
    vendor = vendor_of(connection)
    installed = [trigger for trigger in vendor.installed_triggers(connection) if not trigger.replicated]
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
        lost: labels of tables that should have them under this name, by bare table name: SQLite drops triggers with a
            rebuild.
    """
    connection = connections[alias]
    vendor = vendor_of(connection)
    wanted = [CapturedTable(label, table, (), ()) for table, label in (lost or {}).items()]
    names = {table.table for table in wanted}
    wanted += [table for table in captured_tables(get_settings().models) if table.table not in names]
    installed = [trigger for trigger in vendor.installed_triggers(connection) if not trigger.replicated]
    covered = {trigger.table for trigger in installed}
    run_statements(alias, vendor.transitional_setup(connection))
    for table in vendor.existing_tables(connection, wanted):
        if table.table.strip('"') not in covered:
            _add_transitional(connection, table.label, connection.ops.quote_name(table.table))
    places = {trigger.place for trigger in installed}
    for label, qualified, catch_up in vendor.partitions(connection, list(captured_tables(get_settings().models))):
        if qualified not in places:
            _add_transitional(connection, label, qualified)
            run_statements(alias, catch_up)


def cover_tables_of_state(alias: str, state: Apps) -> None:
    """Give transitional triggers to the tables of captured models as they are called in the middle of a plan.

    The code knows models and tables by their last names only; what the rest of the plan renames has others now.

    Args:
        alias: the database.
        state: the historical models.
    """
    watchers = [wrapper for wrapper in connections[alias].execute_wrappers if isinstance(wrapper, _Watcher)]
    to_come = [pair for watcher in watchers for pair in watcher.renames_to_come()]
    captured = {table.label for table in captured_tables(get_settings().models)}
    cover_uncovered_tables(
        alias,
        {
            model._meta.db_table: model._meta.label
            for model in state.get_models(include_auto_created=True)
            if follow_renames(model._meta.label, to_come) in captured
        },
    )


class _Watcher:
    """An execute wrapper that follows a plan: its schema statements, and which migration is done."""

    def __init__(self, connection: BaseDatabaseWrapper, plan: Plan) -> None:
        self._connection = connection
        self.covered: set[str] = set()  # tables that had triggers when the plan began
        self._labels: dict[str, str] = {}
        self._renames = {_keys(migration): label_renames([(migration, backwards)]) for migration, backwards in plan}
        self._backwards = {_keys(migration) for migration, backwards in plan if backwards}
        self._busy = False

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if self._busy or not isinstance(sql, str):
            return execute(sql, params, many, context)
        self._busy = True
        try:
            if has_capture(self._connection) and _SCHEMA_STATEMENT.match(sql):
                return self._change_schema(sql, lambda: execute(sql, params, many, context))
            if params and _RECORD.match(sql):
                return self._record(params, lambda: execute(sql, params, many, context))
            return execute(sql, params, many, context)
        finally:
            self._busy = False

    def renames_to_come(self) -> list[tuple[str, str]]:
        """Return the labels that the rest of the plan changes, old and new."""
        return [pair for renames in self._renames.values() for pair in renames]

    def _change_schema(self, sql: str, execute: Callable[[], Any]) -> Any:
        vendor = vendor_of(self._connection)
        installed = vendor.installed_triggers(self._connection)
        self._labels.update({trigger.table: trigger.label for trigger in installed})
        run_statements(self._connection.alias, vendor.before_ddl(self._connection, sql, installed))
        result = execute()
        if self._labels:
            if _NEW_TABLE.match(sql) and self._renames:
                # A new table may have the label of one that this very migration has just renamed.
                self._follow(next(iter(self._renames)))
            cover_uncovered_tables(self._connection.alias, self._labels)
        return result

    def _record(self, params: Any, execute: Callable[[], Any]) -> Any:
        """Follow what Django records as done, or as taken back.

        Where somebody listens to deletes, Django reads its record and deletes it by its number: then what it was shows
        only afterwards. What names its migration is followed before, since an insert may still be under way after it.
        """
        named = [
            keys for keys in self._renames if any(app_label in params and name in params for app_label, name in keys)
        ]
        self._follow_done(named)
        result = execute()
        if not named:
            self._follow_done(self._no_longer_recorded())
        return result

    def _follow_done(self, done: Iterable[frozenset[tuple[str, str]]]) -> None:
        for keys in done:
            self._follow(keys)
            del self._renames[keys]

    def _no_longer_recorded(self) -> list[frozenset[tuple[str, str]]]:
        """Return the migrations that the plan takes back, and has taken back already."""
        if not self._backwards:
            return []
        records = MigrationRecorder(self._connection).migration_qs
        recorded = set(records.order_by().values_list("app", "name"))
        return [keys for keys in self._renames if keys in self._backwards and not keys & recorded]

    def _follow(self, keys: frozenset[tuple[str, str]]) -> None:
        renames, self._renames[keys] = self._renames[keys], []
        if renames and _has_our_tables(self._connection):
            rename_labels(self._connection.alias, renames)
            self._labels.clear()


def _keys(migration: Migration) -> frozenset[tuple[str, str]]:
    """Return the names under which Django records a migration: of a squashed one, those that it replaces."""
    return frozenset([(migration.app_label, migration.name), *((app, name) for app, name in migration.replaces)])


def _stop_watching(connection: BaseDatabaseWrapper) -> None:
    wrappers = connection.execute_wrappers
    wrappers[:] = [wrapper for wrapper in wrappers if not isinstance(wrapper, _Watcher)]


def _removes_this_app(plan: Plan) -> bool:
    return any(backwards and migration.app_label == "synchro_triggers" for migration, backwards in plan)


def _has_our_tables(connection: BaseDatabaseWrapper) -> bool:
    return "synchro_triggers_changelog" in connection.introspection.table_names()


# Renamed models -----------------------------------------------------------------------------------


def rename_labels(alias: str, renames: list[tuple[str, str]]) -> None:
    """Rename labels in the log, in what is known of other nodes, and in the transitional triggers of ``alias``."""
    from ..models import Arrival, ChangeLog, Checkpoint, Conflict, Failure, Introduction, Reference, UsersChange

    with transaction.atomic(using=alias):
        for model in (ChangeLog, Reference, Introduction, Failure, Conflict, UsersChange):
            rows = model._base_manager.using(alias)
            labels = rows.order_by().values_list("model_label", flat=True).distinct()
            for stored in list(labels):
                renamed = follow_renames(stored, renames)
                if renamed != stored:
                    rows.filter(model_label=stored).update(model_label=renamed)
        _rename_counters(alias, renames)
        for failure in Failure._base_manager.using(alias).exclude(waits_label=""):
            Failure._base_manager.using(alias).filter(pk=failure.pk).update(
                waits_label=follow_renames(failure.waits_label, renames)
            )
        for failure in Failure._base_manager.using(alias).exclude(other_rows=None):
            others = [(follow_renames(label, renames), key) for label, key in json.loads(failure.other_rows or "[]")]
            Failure._base_manager.using(alias).filter(pk=failure.pk).update(other_rows=json.dumps(others))
        for checkpoint in Checkpoint._base_manager.using(alias).exclude(last_row=""):
            row_id, moment, stored, key = checkpoint.last_row.split("|", 3)  # it must still be the source's last row
            last_row = "|".join((row_id, moment, follow_renames(stored, renames), key))
            Checkpoint._base_manager.using(alias).filter(pk=checkpoint.pk).update(last_row=last_row)
        _rename_in_knowledge(alias, renames)
        for arrival in Arrival._base_manager.using(alias).iterator():
            new = {name: _follow_renames_in(getattr(arrival, name), renames) for name in ("brought", "gone")}
            Arrival._base_manager.using(alias).filter(pk=arrival.pk).update(**new)
        if has_capture(connections[alias]):
            _rename_triggers(connections[alias], renames)


def _rename_in_knowledge(alias: str, renames: list[tuple[str, str]]) -> None:
    """Rename labels in what a database knows of single models, and in what it lacks of them."""
    from ..models import Checkpoint, Knowledge

    knowledge = Knowledge._base_manager.using(alias)
    for known in knowledge.exclude(model_label=""):
        if (renamed := follow_renames(known.model_label, renames)) == known.model_label:
            continue
        # Of nodes that were renamed before this one.
        there = knowledge.filter(author=known.author, model_label=renamed, came_with=known.came_with)
        if there.exists():
            there.filter(number__lt=known.number).update(number=known.number)
            knowledge.filter(pk=known.pk)._raw_delete(alias)
        else:
            knowledge.filter(pk=known.pk).update(model_label=renamed)
    for checkpoint in Checkpoint._base_manager.using(alias).all():
        names = ("lacks", "unlogged", "whole", "left_out")
        old = {name: getattr(checkpoint, name) for name in names}
        new = {name: _follow_renames_in(text, renames) for name, text in old.items()}
        if new != old:
            Checkpoint._base_manager.using(alias).filter(pk=checkpoint.pk).update(**new)


def _rename_counters(alias: str, renames: list[tuple[str, str]]) -> None:
    """Rename models, and fields, whose differences add up, in what is known of them."""
    from ..models import Contribution

    rows = Contribution._base_manager.using(alias)
    for counter in list(rows.order_by().values_list("counter", flat=True).distinct()):
        label, _, name = counter.rpartition(".")
        for old, new in renames:
            if f"{label}_{name}".lower() == old.lower():
                name = new[len(label) + 1 :]
            label = follow_renames(label, [(old, new)])
        rows.filter(counter=counter).update(counter=f"{label}.{name}")


def _follow_renames_in(text: str, renames: list[tuple[str, str]]) -> str:
    """Return JSON whose items, or keys, are labels, as it is after renames."""
    if not text:
        return text
    items = json.loads(text)
    if isinstance(items, dict):
        found: dict[str, Any] = {}
        for label, value in items.items():
            new = follow_renames(label, renames)
            found[new] = _together(found[new], value) if new in found else value
        return json.dumps(found)
    return json.dumps(sorted(follow_renames(label, renames) for label in items))


def _together(one: Any, other: Any) -> Any:
    """Return what is known of a model under one label, and was noted under two of them (see ``state.left_out``)."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    in_both = {name: (min if name == "*" else max)(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **in_both}  # the older note of a table; "lacking" rather than "held"


def _rename_triggers(connection: BaseDatabaseWrapper, renames: list[tuple[str, str]]) -> None:
    vendor = vendor_of(connection)
    tables = {}
    for trigger in vendor.installed_triggers(connection):
        renamed = follow_renames(trigger.label, renames)
        if renamed != trigger.label:
            run_statements(connection.alias, vendor.drop_sql(connection, trigger))
            tables[trigger.qualified_table] = renamed
    for qualified_table, label in tables.items():
        _add_transitional(connection, label, qualified_table)


def follow_renames(label: str, renames: list[tuple[str, str]]) -> str:
    for old, new in renames:
        if label.lower() == old.lower():
            label = new
        elif label.lower().startswith(f"{old.lower()}_") and not _is_model_of_its_own(label):
            label = new + label[len(old) :]
    return _exact_case(label)


def _is_model_of_its_own(label: str) -> bool:
    """Tell a model whose name has an underscore from an automatic many-to-many table (``app.Model_field``)."""
    model = _model_named(label)
    return model is not None and not model._meta.auto_created


def _exact_case(label: str) -> str:
    """Return the label as the model has it: operations may write model names in any case."""
    model = _model_named(label)
    return label if model is None else model._meta.label


def _model_named(label: str) -> type[Model] | None:
    app_label, _, name = label.partition(".")
    if app_label not in apps.app_configs:
        return None
    models = apps.get_app_config(app_label).get_models(include_auto_created=True)
    return next((model for model in models if model.__name__.lower() == name.lower()), None)
