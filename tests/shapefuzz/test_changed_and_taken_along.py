"""What the remote's users have changed, and a cascade takes along: LOCAL has deleted both."""

from __future__ import annotations

import pytest
from django.db import connections, transaction

from synchro_triggers import synchronize
from synchro_triggers.replay.report import Told
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, execute

HANGING = {
    "a child with a key of its own": (
        *("B", "A", "b_no = models.AutoField(primary_key=True)", marked("b"), "v = models.IntegerField(default=0)"),
        "to_a = models.OneToOneField(A, models.CASCADE, parent_link=True)",
    ),
    "what points there": (
        *("B", "models.Model", marked("b"), "v = models.IntegerField(default=0)"),
        "to_a = models.ForeignKey(A, models.CASCADE)",
    ),
}


@both_vendors
@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("hanging", HANGING)
@pytest.mark.parametrize("changed,rule", [(False, "remote"), (True, "local"), (True, "remote")])
def test_what_others_have_changed_is_told_of_when_a_cascade_takes_it(project, local, size, hanging, changed, rule):
    target, model = project(
        local,
        ("A", "models.Model", marked("a")),
        HANGING[hanging],
        SYNCHRO_BATCH_SIZE=size,
        SYNCHRO_CONFLICT=rule,
    )
    if issubclass(model, target):
        model.objects.create(mark_a="o1", mark_b="o1")
    else:
        model.objects.create(mark_b="o1", to_a=target.objects.create(mark_a="o1"))
    synchronize()
    if changed:
        model.objects.using("remote").update(v=5)
    _delete_all(target, model)  # the target first

    report = synchronize()

    stays = changed and rule == "remote"
    assert (report.failures, report.deleted) == ([], 0 if stays else 2)
    told = {(each.kind, each.model) for each in report.remarks}
    along, won = Told.DELETED_ALONG, Told.REMOTE_WON if stays else Told.LOCAL_WON
    if not changed:
        assert told == ({(along, "shapefuzz.B")} if size == 1 else set())
    elif stays:
        assert told == {(won, "shapefuzz.A"), (won, "shapefuzz.B")}
    else:  # by itself, or as what hangs on the other
        assert told in ({(won, "shapefuzz.B")}, {(won, "shapefuzz.A"), (along, "shapefuzz.B")})
    assert all("had changed it" in each.reason for each in report.remarks if changed and each.kind == along)
    assert all("shapefuzz.B 1" in each.reason for each in report.remarks if each.model == "shapefuzz.A")
    assert target.objects.using("remote").count() == model.objects.using("remote").count() == stays
    assert not synchronize().changed


def _delete_all(target, model):
    if connections["default"].vendor == "postgresql":
        execute("default", "TRUNCATE shapefuzz_a CASCADE")
        return
    with transaction.atomic():  # whose foreign keys are looked at in the end
        for each in (target, model):
            delete("default", each, 1)
