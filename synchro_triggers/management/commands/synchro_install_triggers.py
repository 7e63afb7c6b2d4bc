"""``manage.py synchro_install_triggers``: put the capture triggers into a database, or check or remove them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture import install
from ...capture.own_tables import require_own_tables
from ...capture.unlogged import describe_unlogged
from ...capture.unseen import describe_unseen
from ...conf import check_alias, get_settings, local_alias
from ...exceptions import SynchroConfigurationError
from ..errors import one_line
from ..telling import TellingCommand


class Command(TellingCommand):
    help = "Install the triggers that log the changes of the models in SYNCHRO_MODELS."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--database",
            action="append",
            dest="databases",
            metavar="ALIAS",
            help=f"Database to work on; may be given several times. Default: {local_alias()}.",
        )
        parser.add_argument(
            "--replicated",
            action="store_true",
            help="Log what PostgreSQL's logical replication applies, too; stays so until --uninstall.",
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--check",
            action="store_true",
            help="Change nothing; list triggers that are missing, outdated or orphaned, and exit 1 if there are any.",
        )
        mode.add_argument("--uninstall", action="store_true", help="Remove the triggers.")
        mode.add_argument("--sql", action="store_true", help="Print the SQL that installs them; change nothing.")
        parser.add_argument(
            "--migration",
            metavar="APP",
            help="Write a migration that installs the triggers into the migrations of this app, unless its newest one "
            "does. With --check: write nothing; exit 1 if its newest one is not what models and SYNCHRO_MODELS say.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            if not options["uninstall"]:
                install.require_capture(local_alias())
            if options["migration"]:
                self._work_on_migration(options)
                return
            given = options["databases"] or [local_alias()]
            # call_command(database="x") hands on the text itself.
            aliases = [check_alias(alias) for alias in ([given] if isinstance(given, str) else given)]
        told: dict[str, Any] = {}
        work = self._work_of(options)
        try:
            for alias in aliases:
                with one_line(alias):
                    told[alias] = work(alias, options)
        finally:  # what was done with those before the one in trouble
            if told:
                self.tell([], told, options)
        if options["check"] and not all(each["fit"] for each in told.values()):
            raise CommandError("Run `manage.py synchro_install_triggers` for these databases.")

    def _work_of(self, options: dict[str, Any]) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
        if options["check"]:
            return self._check
        if options["sql"]:
            return self._print_sql
        return self._uninstall if options["uninstall"] else self._install

    def _say(self, lines: Iterable[str], options: dict[str, Any]) -> None:
        """Say at once what is done with a database; JSON comes at the end, of all of them."""
        if not options["as_json"]:
            self.tell(lines, None, options)

    def _install(self, alias: str, options: dict[str, Any]) -> dict[str, Any]:
        install.require_tables(install.compare(alias), alias)
        found = install.install(alias, replicated=options["replicated"])
        tables = len({trigger.table for trigger in (*found.missing, *found.outdated)})
        removed = len({trigger.table for trigger in found.orphaned})
        unlogged: list[str] = []
        if found.fits:
            self._say([f"{alias}: triggers are installed and up to date."], options)
        elif options["verbosity"] or options["as_json"]:  # counting takes its time
            unlogged = [*describe_unlogged(alias, {trigger.table for trigger in found.missing})]
            lines = [f"  {line}" for line in found.describe()] if options["verbosity"] > 1 else []
            lines.append(f"{alias}: triggers installed on {tables} tables, removed from {removed}.")
            self._say([*lines, *unlogged], options)
        return {"installed": tables, "removed": removed, "changes": found.describe(), "notes": unlogged}

    def _uninstall(self, alias: str, options: dict[str, Any]) -> dict[str, Any]:
        count = install.uninstall(alias)
        self._say([f"{alias}: {count} triggers removed."], options)
        return {"removed": count}

    def _print_sql(self, alias: str, options: dict[str, Any]) -> dict[str, Any]:
        sql = install.installation_sql(alias, replicated=options["replicated"])
        if not options["as_json"]:
            self.stdout.write(sql)  # it was asked for, and is no message: -v 0 does not concern it
        return {"sql": sql}

    def _check(self, alias: str, options: dict[str, Any]) -> dict[str, Any]:
        install.require_capture(alias)
        require_own_tables(alias)
        found = install.compare(alias, replicated=options["replicated"])
        notes = describe_unseen(alias, found)
        lines = found.describe() + [f"{table.table} ({table.label}): no such table" for table in found.absent_tables]
        listed = get_settings().listed_by_itself
        lines += [f"{view.table} ({view.label}): no table but a view" for view in found.views if view.label in listed]
        said = [f"{alias}: " + ("triggers fit." if not lines else "triggers do not fit:")]
        self._say([*said, *(f"  {line}" for line in lines), *(f"  note: {note}" for note in notes)], options)
        return {"fit": not lines, "wrong": lines, "notes": list(notes)}

    def _work_on_migration(self, options: dict[str, Any]) -> None:
        for other in ("sql", "uninstall"):
            if options[other]:
                raise SynchroConfigurationError(f"argument --migration: not allowed with argument --{other}")
        if options["check"]:
            self._check_migration(options)
        else:
            self._write_migration(options)

    def _check_migration(self, options: dict[str, Any]) -> None:
        from ...capture.migration_file import compare_migration

        app_label = options["migration"]
        name, wrong = compare_migration(app_label)
        if name is None:
            lines = [f"{app_label}: {wrong[0]}."]
        else:
            does = "does not install" if wrong else "installs"
            end = ":" if wrong else "."
            lines = [f"{app_label}: its migration {name} {does} what models and SYNCHRO_MODELS say{end}"]
            lines += [f"  {line}" for line in wrong]
        self.tell(lines, {"migration": name, "fit": not wrong, "wrong": wrong}, options)
        if wrong:
            raise CommandError(f"Run `manage.py synchro_install_triggers --migration {app_label}`.")

    def _write_migration(self, options: dict[str, Any]) -> None:
        from ...capture.migration_file import compare_migration, write_migration

        app_label = options["migration"]
        newest, wrong = compare_migration(app_label)
        if newest is not None and not wrong:
            said = f"{app_label}: {newest} installs what models and SYNCHRO_MODELS say: nothing was written."
            self.tell([said], {"migration": None, "newest": newest}, options)
            return
        path = write_migration(app_label)
        said = f"Wrote {path}. Run `manage.py migrate {app_label}` on each database that should be captured."
        self.tell([said], {"migration": str(path), "newest": path.stem}, options)
