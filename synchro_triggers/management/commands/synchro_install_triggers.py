"""``manage.py synchro_install_triggers``: put the capture triggers into a database, or check or remove them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...capture import install
from ...capture.own_tables import require_own_tables
from ...capture.unlogged import describe_unlogged
from ...capture.unseen import describe_unseen
from ...conf import check_alias, get_settings, local_alias
from ..errors import one_line


class Command(BaseCommand):
    help = "Install the triggers that log the changes of the models in SYNCHRO_MODELS."
    requires_system_checks = ()  # wrong settings are said in one line, below

    def add_arguments(self, parser: CommandParser) -> None:
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
        mode.add_argument(
            "--migration",
            metavar="APP",
            help="Write a migration that installs the triggers into the migrations of this app.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            if not options["uninstall"]:
                install.require_capture(local_alias())
            if options["migration"]:
                self._write_migration(options["migration"])
                return
            given = options["databases"] or [local_alias()]
            # call_command(database="x") hands on the text itself.
            aliases = [check_alias(alias) for alias in ([given] if isinstance(given, str) else given)]
        if options["check"]:
            self._check(aliases, options["replicated"])
            return
        work = self._print_sql if options["sql"] else self._uninstall if options["uninstall"] else self._install
        for alias in aliases:
            with one_line(alias):
                work(alias, **{name: options[name] for name in ("verbosity", "replicated")})

    def _install(self, alias: str, verbosity: int, replicated: bool) -> None:
        install.require_tables(install.compare(alias), alias)
        found = install.install(alias, replicated=replicated)
        if not verbosity:
            return
        if found.fits:
            self.stdout.write(f"{alias}: triggers are installed and up to date.")
            return
        for line in found.describe() if verbosity > 1 else ():
            self.stdout.write(f"  {line}")
        tables = len({trigger.table for trigger in (*found.missing, *found.outdated)})
        removed = len({trigger.table for trigger in found.orphaned})
        self.stdout.write(f"{alias}: triggers installed on {tables} tables, removed from {removed}.")
        for line in describe_unlogged(alias, {trigger.table for trigger in found.missing}):
            self.stdout.write(line)

    def _uninstall(self, alias: str, verbosity: int, replicated: bool) -> None:
        count = install.uninstall(alias)
        if verbosity:
            self.stdout.write(f"{alias}: {count} triggers removed.")

    def _print_sql(self, alias: str, verbosity: int, replicated: bool) -> None:
        self.stdout.write(install.installation_sql(alias, replicated=replicated))

    def _check(self, aliases: list[str], replicated: bool) -> None:
        wrong = False
        for alias in aliases:
            with one_line(alias):
                install.require_capture(alias)
                require_own_tables(alias)
                found = install.compare(alias, replicated=replicated)
                notes = describe_unseen(alias, found)
            lines = found.describe() + [
                f"{table.table} ({table.label}): no such table" for table in found.absent_tables
            ]
            listed = get_settings().listed_by_itself
            lines += [
                f"{view.table} ({view.label}): no table but a view" for view in found.views if view.label in listed
            ]
            wrong = wrong or bool(lines)
            self.stdout.write(f"{alias}: " + ("triggers fit." if not lines else "triggers do not fit:"))
            for line in lines:
                self.stdout.write(f"  {line}")
            for note in notes:
                self.stdout.write(f"  note: {note}")
        if wrong:
            raise CommandError("Run `manage.py synchro_install_triggers` for these databases.")

    def _write_migration(self, app_label: str) -> None:
        from ...capture.migration_file import write_migration

        path = write_migration(app_label)
        self.stdout.write(
            f"Wrote {path}. Run `manage.py migrate {app_label}` on each database that should be captured."
        )
