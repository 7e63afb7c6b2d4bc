"""``manage.py synchro_conflicts``: what both sides had changed, and who won; ``--take`` decides otherwise."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...capture.install import require_capture
from ...conf import local_alias
from ...exceptions import SynchroConfigurationError
from ...models import Conflict, Winner
from ...reaching import clear_errors
from ...replay.on_record.listing import (
    RecordedConflict,
    aliases_of_nodes,
    conflicts,
    databases_with_records,
    fields_of,
    find_record,
    forget,
    recorded,
)
from ...replay.on_record.renaming import rename
from ...replay.on_record.taking import take
from ..differences import value_shown
from ..errors import one_line
from ..telling import TellingCommand


class Command(TellingCommand):
    help = (
        "List the conflicts that are on record, undecided ones first; --show one field by field, --take the other "
        "version afterwards, --rename one of two objects that want the same unique values, --forget some. Ends with 1 "
        "when some are open."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--remote",
            action="append",
            dest="remotes",
            metavar="ALIAS",
            help="A database that has conflicts of this one on record (may be given several times). Default: those of "
            "SYNCHRO_REMOTE, and this one itself.",
        )
        parser.add_argument("--here", action="store_true", help="Those that this database itself has on record.")
        parser.add_argument(
            "--model", action="append", dest="models", metavar="app.Model", help="Only of this model (repeatable)."
        )
        parser.add_argument("--limit", type=int, metavar="N", help="At most so many.")
        super().add_arguments(parser)
        parser.add_argument("--show", type=int, metavar="ID", help="Show one, field by field.")
        parser.add_argument(
            "--take",
            nargs=2,
            metavar=("SIDE", "ID"),
            help="Let the version of the sender ('local') or of the database that received ('remote') stand.",
        )
        parser.add_argument(
            "--force", action="store_true", help="With --take: also where the object was changed since."
        )
        _add_rename(parser)
        parser.add_argument("--forget", nargs="*", type=int, metavar="ID", help="Take these off the record.")
        parser.add_argument(
            "--before", type=float, metavar="DAYS", help="With --forget: those that were decided so many days ago."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line():
            require_capture(local_alias())
            _require_one_thing(options)
            if options["remotes"] and options["here"]:
                raise SynchroConfigurationError("--here and --remote speak of different databases: give one of them.")
            aliases = databases_with_records(options["remotes"], only_local=options["here"])
            if options["show"] is not None:
                self._show(*find_record(options["show"], aliases), options)
            elif options["take"]:
                side, number = options["take"]
                self._take(side, number, aliases, options)
            elif options["rename"] is not None:
                self._rename(options, aliases)
            elif options["forget"] is not None:
                self._forget(options, aliases)
            else:
                self._list(options)

    # Listing --------------------------------------------------------------------------------------

    def _list(self, options: dict[str, Any]) -> None:
        if options["limit"] is not None and options["limit"] < 1:
            raise SynchroConfigurationError(f"--limit must be at least 1, not {options['limit']}.")
        found = conflicts(options["remotes"], models=options["models"], only_local=options["here"])
        shown = found[: options["limit"]]
        lines = [_line(each) for each in shown] or ["No conflicts are on record."]
        if len(found) > len(shown):
            lines.append(f"... and {len(found) - len(shown):,} more")
        self.tell(lines, [each.as_dict() for each in shown], options)
        open_ones = sum(each.is_open for each in found)
        if open_ones:
            raise CommandError(f"{'1 conflict is' if open_ones == 1 else f'{open_ones:,} conflicts are'} open.")

    def _show(self, alias: str, record: Conflict, options: dict[str, Any]) -> None:
        with clear_errors(alias):
            found = recorded(alias, record, aliases_of_nodes(alias))
        fields = [
            {"field": each.field, "local": each.local, "remote": each.remote, "differs": differs}
            for each, differs in fields_of(record)
        ]
        sides = {"local": record.local_values is None, "remote": record.remote_values is None}
        self.tell(_lines_of(found, record), {**found.as_dict(), "gone": sides, "fields": fields}, options)

    # Deciding -------------------------------------------------------------------------------------

    def _take(self, side: str, number: str, aliases: list[str], options: dict[str, Any]) -> None:
        if side not in {"local", "remote"} or not number.isdecimal():
            raise SynchroConfigurationError(f"--take wants 'local' or 'remote', and a number, not {side!r} {number!r}.")
        alias, record = find_record(int(number), aliases)
        with clear_errors(alias):
            taken = take(alias, record, side, force=options["force"])
        told = {"id": record.pk, "model": record.model_label, "key": record.remote_key, "database": alias}
        self.tell(
            [f"{record.model_label} {record.remote_key} on {alias!r}: {side!r} taken, {taken.done}.", taken.advice],
            {**told, "taken": side, "done": taken.done, "advice": taken.advice},
            options,
        )

    def _rename(self, options: dict[str, Any], aliases: list[str]) -> None:
        field, value = options["field"], options["value"]
        if (field is None) is not (value is None):
            raise SynchroConfigurationError("--rename wants both --field NAME and --value TEXT, or neither.")
        alias, record = find_record(options["rename"], aliases)
        with clear_errors(local_alias(), alias):
            done = rename(alias, record, None if field is None else (field, value), side=options["side"])
        values = "; ".join(
            f"{name} is {value_shown(new)} now, and was {value_shown(done.before[name])}"
            for name, new in done.after.items()
        )
        lines = [f"{done.model} {done.key} on {done.database!r}: {values}.", done.advice]
        self.tell(lines, {"id": record.pk, **done.as_dict()}, options)

    def _forget(self, options: dict[str, Any], aliases: list[str]) -> None:
        numbers, days = options["forget"], options["before"]
        if bool(numbers) is (days is not None):
            raise SynchroConfigurationError("--forget wants either numbers, or --before DAYS.")
        forgotten = forget(numbers, None if days is None else datetime.timedelta(days=days), aliases)
        said = f"{'1 conflict' if forgotten == 1 else f'{forgotten:,} conflicts'} forgotten."
        self.tell([said], {"forgotten": forgotten}, options)


def _add_rename(parser: CommandParser) -> None:
    parser.add_argument(
        "--rename",
        type=int,
        metavar="ID",
        help="Give one of two objects that want the same unique values another one: that of --field and --value, "
        "or what SYNCHRO_OPTIONS' 'unique' says.",
    )
    parser.add_argument("--field", metavar="NAME", help="With --rename: the field.")
    parser.add_argument("--value", metavar="TEXT", help="With --rename: its new value.")
    parser.add_argument(
        "--side",
        choices=("local", "remote"),
        help="With --rename: which object it is, the sender's ('local') or that of the database which has the "
        "record ('remote', the default).",
    )


def _require_one_thing(options: dict[str, Any]) -> None:
    asked = [f"--{name}" for name in ("show", "take", "rename", "forget") if options[name] is not None]
    if len(asked) > 1:
        raise SynchroConfigurationError(f"{' and '.join(asked)} are different things: give one of them.")
    parts = [("before", "forget"), ("force", "take"), ("field", "rename"), ("value", "rename"), ("side", "rename")]
    for name, of in parts:
        if options[name] not in {None, False} and options[of] is None:
            raise SynchroConfigurationError(f"--{name} says more of --{of}, which is not given.")


def _line(found: RecordedConflict) -> str:
    decided = f"{found.result} stands ({found.rule}), decided {_time(found.decided_at)}"
    after = "open" if found.is_open else f"{_after(found.taken)} {_time(found.taken_at)}"
    return (
        f"{found.database} {found.id}: {found.model} {found.local_key} of {found.sender} (there {found.remote_key}): "
        f"{found.kind}; {decided}; {after}"
    )


def _lines_of(found: RecordedConflict, record: Conflict) -> Iterator[str]:
    yield _line(found)
    for side, author, time, gone in (
        ("local", found.local_author, found.local_at, record.local_values is None),
        ("remote", found.remote_author, found.remote_at, record.remote_values is None),
    ):
        what = "removed" if gone and found.kind == "links" else "deleted" if gone else "changed"
        yield f"  {side}: {what} by {author or 'nobody knows whom'}, {_time(time)}"
    for each, differs in fields_of(record):
        values = [] if record.local_values is None else [f"{value_shown(each.local)} (local)"]
        values += [] if record.remote_values is None else [f"{value_shown(each.remote)} (remote)"]
        text = ", ".join(values) if differs else value_shown(each.local)
        yield f"  {'*' if differs else ' '} {each.field}: {text}"


def _after(taken: str) -> str:
    return f"{taken} taken" if taken in set(Winner) else taken


def _time(time: datetime.datetime | None) -> str:
    return "at an unknown time" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"
