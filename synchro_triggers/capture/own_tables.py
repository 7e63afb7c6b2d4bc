"""The tables of this package on a database: there, and as this version needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.apps import apps
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import strip_quotes
from django.db.models import Model

from ..exceptions import Refused
from . import mysql


def require_own_tables(alias: str, models: Iterable[type[Model]] = ()) -> dict[str, str]:
    """Look whether the tables are what the models say; one query on the vendors that are tested.

    A trigger that writes a column which is not there would let every write of the users fail.

    Args:
        alias: the database.
        models: the project's own that may be written there.

    Returns:
        The labels of those of the models whose tables lag behind them, with what is missing.

    Raises:
        Refused: tables are missing on ``alias``, or lack columns: an older version's, or somebody else's.
    """
    needed = {
        model._meta.db_table: [str(field.column) for field in model._meta.concrete_fields]
        for model in apps.get_app_config("synchro_triggers").get_models()
    }
    theirs = {model._meta.db_table: model for model in models if _is_migrated(alias, model)}
    present = _columns_of(connections[alias], [*needed, *theirs])
    remedy = f"run `manage.py migrate synchro_triggers --database {alias}`."
    if missing := sorted(needed.keys() - present.keys()):
        raise Refused(f"The tables of synchro_triggers are missing on {alias!r} ({', '.join(missing)}): {remedy}")
    lacking = {
        table: [column for column in columns if column not in present[table]] for table, columns in needed.items()
    }
    if any(lacking.values()):
        said = "; ".join(f"{table} has no {', '.join(columns)}" for table, columns in lacking.items() if columns)
        raise Refused(
            f"The tables of synchro_triggers on {alias!r} are not those of this version: {said}. They are an older "
            f"version's, or another app's of the same name. If another app's, rename them first; then {remedy}"
        )
    lacking_there = {model._meta.label: _lack(model, present.get(table)) for table, model in theirs.items()}
    return {label: said for label, said in lacking_there.items() if said}


def require_schema(alias: str, lagging: Mapping[str, str], labels: Iterable[str]) -> None:
    """Raise ``Refused`` where a run has something for a model whose table lags: not one object could be written.

    Args:
        alias: the remote.
        lagging: what ``require_own_tables`` has returned.
        labels: the models that the run has something for.
    """
    if said := sorted(lagging[label] for label in lagging.keys() & set(labels)):
        raise Refused(
            f"The schema of {alias!r} lags behind the models: {'; '.join(said)}. Nothing was written. Run `manage.py "
            f"migrate --database {alias}`, and synchronise again; a model that it shall not have is left out of "
            "SYNCHRO_MODELS, or of the run with --model."
        )


def with_tables(alias: str, models: Collection[type[Model]]) -> set[type[Model]]:
    """Return those of the models whose tables are on a database; one query on the vendors that have capture."""
    tables = {model: strip_quotes(model._meta.db_table) for model in models}
    present = _columns_of(connections[alias], list(tables.values()))
    return {model for model, table in tables.items() if table in present}


def _is_migrated(alias: str, model: type[Model]) -> bool:
    """Tell whether ``migrate`` makes the model's table there, by a name that can be asked for."""
    return model._meta.managed and '"' not in model._meta.db_table and router.allow_migrate_model(alias, model)


def _lack(model: type[Model], columns: Collection[str] | None) -> str:
    label, table = model._meta.label, model._meta.db_table
    if columns is None:
        return f"there is no {table} ({label})"
    there = {column.casefold() for column in columns}
    missing = [str(field.column) for field in model._meta.local_concrete_fields]
    missing = [column for column in missing if column.casefold() not in there]
    return f"{table} ({label}) has no {', '.join(missing)}" if missing else ""


def _columns_of(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, set[str]]:
    from .install import has_capture, vendor_of

    if has_capture(connection):
        found: dict[str, set[str]] = vendor_of(connection).columns_of(connection, tables)
        return found
    if connection.vendor == "mysql":
        return mysql.columns_of(connection, tables)
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor)).intersection(tables)
        describe = connection.introspection.get_table_description
        return {name: {column.name for column in describe(cursor, name)} for name in names}
