"""What a project's own code says to type checkers: ``make types`` runs mypy, strict, and pyright on it.

Each ``assert_type`` is what an editor shows. Below *Mistakes*, both have to find what is wrong: an ``ignore`` that
hides nothing is an error, too.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, assert_type

from django.contrib.auth.models import Group
from django.db.models import CharField, Model
from django.test import TestCase, TransactionTestCase

from synchro_triggers import (
    Clash,
    ComparisonReport,
    Conflict,
    DatabaseUnreachable,
    Decision,
    Difference,
    DisableSynchroLog,
    FailedObject,
    NaturalKeyModel,
    RecordedConflict,
    Refused,
    Remark,
    RunUnderWay,
    SynchroError,
    SyncReport,
    Told,
    TriggersNotReady,
    call_synchronize,
    compare,
    conflicts,
    counterparts,
    disable_synchro_log,
    reset_synchro,
    synchro_paused,
    synchronize,
)
from synchro_triggers.models import ChangeLog, options
from synchro_triggers.testing import SynchroTestMixin, assert_synchronised, install_test_triggers

# Runs ---------------------------------------------------------------------------------------------


def send() -> int:
    report = synchronize("main", models=["auth.Group"], both=True, progress=lambda done, total: None)
    assert_type(report, SyncReport)
    assert_type(report.changed, bool)
    assert_type(report.created + report.updated + report.deleted + report.conflicts + report.failed, int)
    assert_type(report.failures, list[FailedObject])
    assert_type(report.remarks, list[Remark])
    assert_type(report.remarks[0].kind, Told)
    assert_type(report.models["auth.Group"].created, int)
    assert_type(report.next_attempt, datetime.datetime | None)
    assert_type(report.as_dict(), dict[str, Any])
    assert_type(call_synchronize(), str)
    return report.created


def send_or_say_why() -> str:
    try:
        synchronize()
    except RunUnderWay:
        return "another one is under way"
    except (TriggersNotReady, Refused, DatabaseUnreachable) as error:
        known: SynchroError = error
        return str(known)
    return ""


def look() -> bool:
    found = compare(models=["auth"], repair="remote")
    assert_type(found, ComparisonReport)
    assert_type(found.differences, list[Difference])
    [first, *_] = conflicts(limit=10)
    assert_type(first, RecordedConflict)
    assert_type(first.local_at, datetime.datetime | None)
    options.last_check = datetime.datetime.now(datetime.UTC)
    reset_synchro()
    logged: ChangeLog | None = ChangeLog.objects.filter(model_label="auth.Group").first()
    return found.equal and logged is None


def which_is_which(keys: list[int]) -> int:
    return len(assert_type(counterparts(Group, keys, remote="main"), dict[Any, Any]))


# Pausing ------------------------------------------------------------------------------------------


@synchro_paused
def rename(group: Group, name: str) -> bool:
    with synchro_paused(), synchro_paused(using="main"), DisableSynchroLog():
        Group.objects.update(name=name)
    return True


@synchro_paused(using="main")
def number_of(group: Group) -> int:
    return group.pk or 0


@disable_synchro_log
def forget(group: Group) -> None:
    group.delete()


paused: Callable[[Group, str], bool] = rename
counted: Callable[[Group], int] = number_of
forgotten: Callable[[Group], None] = forget


# Rules --------------------------------------------------------------------------------------------


def newest_but_prices(conflict: Conflict) -> Decision:
    """``SYNCHRO_CONFLICT``, or a model's ``conflict``."""
    if conflict.local is None or conflict.remote is None or "price" in (conflict.local_changed or ()):
        return Decision.REMOTE
    if conflict.label == "shop.Stock":
        return Decision.merged({"note": f"{conflict.local['note']} / {conflict.remote['note']}"})
    return Decision.LOCAL if conflict.local_at > conflict.remote_at else Decision.REMOTE


def another_number(clash: Clash) -> dict[str, object]:
    """A model's ``unique``."""
    assert_type(clash.fields, tuple[str, ...])
    return {"number": f"{clash.renamed['number']}-{clash.renamed_author[:4]}"}


SYNCHRO_OPTIONS: dict[str, dict[str, object]] = {
    "shop.Ticket": {"unique": another_number, "conflict": newest_but_prices},
}


# Models and tests ---------------------------------------------------------------------------------


class Coded(NaturalKeyModel):
    code: CharField[str, str] = CharField(max_length=9, unique=True)

    _natural_key = ("code",)

    class Meta(NaturalKeyModel.Meta):
        abstract = True


class GroupTests(SynchroTestMixin, TestCase):
    databases = {"default", "main"}

    def test_group_is_sent(self) -> None:
        Group.objects.create(name="a")
        assert synchronize().created == 1
        self.assertSynchronised("main", models=["auth.Group"])


class CommittingTests(SynchroTestMixin, TransactionTestCase):
    databases = {"default", "main"}

    def test_all_is_the_same(self) -> None:
        assert_type(install_test_triggers(["default"]), list[str])
        assert_synchronised()


# Mistakes -----------------------------------------------------------------------------------------


def mistakes(group: Group, model: type[Model]) -> None:
    synchronize(model)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    synchronize(pul=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    print(synchronize().creatd)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    rename(group, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    counterparts(group, [1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Decision.merged("note")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    another_number(newest_but_prices)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    options.last_check = "today"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
