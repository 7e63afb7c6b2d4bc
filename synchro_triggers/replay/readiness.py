"""Whether a run may begin: its remotes, and the triggers on both sides; and what is to be told before it does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from django import get_version
from django.db import Error, connections

from ..capture import install
from ..capture.catalog import Catalogs
from ..capture.tables import captured_models, is_of_links
from ..capture.trigger import Trigger
from ..capture.vendor import has_capture
from ..conf import get_settings, local_alias
from ..django_inside.expected import PARTS
from ..django_inside.receivers import can_withhold
from ..exceptions import Refused, TriggersNotReady
from ..muted import is_anybody_muted
from ..reaching import clear_errors
from .state.node import Located, is_elsewhere, require_no_transaction, require_original, require_two_databases
from .state.sight import require_sight

#: Tables that an error names whose triggers do not fit; ``synchro_install_triggers --check`` names all.
_NAMED = 5


def require_ready_triggers(
    remotes: Iterable[str], *, dry_run: bool = False, catalogs: Catalogs | None = None
) -> list[str]:
    """Raise ``Refused`` unless LOCAL is an original, none of the remotes, and its triggers log what they should.

    Partitions come by the calendar, with nobody there to install triggers: they get them here.

    Args:
        remotes: aliases.
        dry_run: nothing is installed.
        catalogs: those that a run looks at.

    Returns:
        The partitions that had no triggers.
    """
    install.require_capture(local_alias())
    _require_silence()
    if not dry_run:
        require_no_transaction()
    for number, alias in enumerate(remotes):
        with suppress(Error):  # one that cannot be reached is told of when its turn comes
            require_two_databases(alias, catalogs if number == 0 else None)  # the others are looked at later, and again
    with clear_errors(local_alias()):
        found = install.compare(local_alias(), catalogs=catalogs)
        require_original(local_alias(), catalogs)
        require_sight(local_alias(), catalogs)
    install.require_tables(found, local_alias(), migrated_may_lack=True)
    expected: tuple[Trigger, ...] = ()
    if found.new_partitions:
        with clear_errors(local_alias()):
            expected = found.new_partitions if dry_run else install.cover_new_partitions(local_alias())
        if catalogs is not None:
            catalogs.forget()
    _require_fitting(found, expected)
    return sorted({trigger.table for trigger in expected})


def _require_fitting(found: install.Comparison, expected: Collection[Trigger]) -> None:
    """Raise ``TriggersNotReady`` where LOCAL's triggers are not as they should be.

    Args:
        found: what was found there.
        expected: those of what is missing that were installed since, or will be.
    """
    left_out = _links_by_other_names(found)
    missing = tuple(each for each in found.missing if each not in expected and each.label not in left_out)
    outdated = tuple(each for each in found.outdated if each.label not in left_out)
    if missing or outdated:
        install.require_tables(found, local_alias())  # it is not installed before that
        # A column that is lacking is no fault of triggers that do not know it; of others it may be the cause.
        wrong = replace(found, missing=missing, outdated=outdated, orphaned=()).describe()
        first = f"`manage.py migrate --database {local_alias()}`, then " if found.lacking else ""
        raise TriggersNotReady(
            f"The triggers on {local_alias()!r} do not fit: {_first_of(wrong)}. Changes may have been missed there. "
            f"Run {first}`manage.py synchro_install_triggers --database {local_alias()}`."
        )


def _first_of(wrong: Sequence[str]) -> str:
    """Return the first of what is wrong: what to do about it has to be seen behind it, in a list of runs too."""
    more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return "; ".join(wrong[:_NAMED]) + more


def _links_by_other_names(found: install.Comparison) -> set[str]:
    """Return the labels of links whose ends have other names there: they are left out (``schema.common_columns``)."""
    lacking = {table.label for table, _ in found.lacking}
    links = {model._meta.label for model in captured_models(get_settings().models) if is_of_links(model)}
    return lacking & links


def _require_silence() -> None:
    """Raise ``Refused`` where receivers shall not be called, and nothing can keep them from it."""
    if is_anybody_muted() and not can_withhold():
        raise Refused(
            f"SYNCHRO_OPTIONS mutes receivers, but Django {get_version()} is not inside as synchro_triggers expects "
            f"({PARTS['receivers'].relies_on}): they would be called. Look for a newer synchro_triggers that knows "
            "this Django, or take the options mute, and write 'rows', out."
        )


def describe_partitions(new: Iterable[str], *, dry_run: bool = False) -> str:
    """Return what is to be told of partitions that had no triggers."""
    return (
        f"Partitions without triggers: {', '.join(new)}. "
        + ("They get them in a run. " if dry_run else "They have them now, and all their rows are looked at. ")
        + "Rows that were deleted there by name of the partition are not known."
    )


def describe_blindness(remote: str, *, logs: bool) -> str:
    """Return what is to be told where the rule for conflicts asks what nothing on the remote tells; ``''``: nothing.

    The rule asks what the remote's users have changed, and only triggers there log that.

    Args:
        remote: the alias.
        logs: it has triggers.
    """
    settings = get_settings()
    rules = [settings.conflict, *settings.rules.values()]
    policy = next((rule for rule in rules if rule != "local"), "local")
    if logs or policy == "local":
        return ""
    question = "who is newer" if policy == "newest" else "what its users have changed"
    rule = repr(policy) if isinstance(policy, str) else "a rule of your own"
    cure = f"Run `manage.py synchro_install_triggers --database {remote}`, or set SYNCHRO_CONFLICT = 'local'."
    if not has_capture(connections[remote]):
        cure = "Nothing can be captured there: SYNCHRO_CONFLICT = 'local' says that it is meant."
    return (
        f"{remote!r} has no triggers, so nobody can tell {question} there: what its users change is overwritten, "
        f"although SYNCHRO_CONFLICT is {rule}. {cure}"
    )


def describe_other_place(remote: str, found: Located | None = None) -> str:
    """Return what is to be told of a remote that is a copy, or was moved; ``''``: nothing.

    Args:
        remote: the alias.
        found: what it has said of itself just now.
    """
    if not is_elsewhere(remote, found):
        return ""
    return (
        f"The identity of {remote!r} was made in another place. If it is a copy of a database "
        f"that is still in use, run `manage.py synchro_reset --new-identity --database {remote}`; "
        "if it was moved, the same with --keep-identity."
    )
