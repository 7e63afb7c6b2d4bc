"""The judge of random projects: what it accepts, and what it still sees."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from synchro_triggers import synchro_paused, synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz import ledger
from tests.shapefuzz.content import read
from tests.shapefuzz.oracle import Oracle, Sides
from tests.shapefuzz.plans import Project
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.world import World
from tests.shapefuzz.writing import delete

NUMBER = "models.AutoField(primary_key=True)"
LINKS = "m_b = models.ManyToManyField('A')"


@both_vendors
@pytest.mark.parametrize("changed", ["nothing", "its row", "its row there"])
def test_key_that_a_callable_finds_is_looked_at_when_its_row_changes(project, judged, local, changed):
    target, holder = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "j_b_to_a = models.JSONField(null=True)"),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"references": {"j_b_to_a": "tests.shapefuzz.managers.keys_in_a"}}},
    )
    key = target.objects.create(mark_a="o1").pk
    holder.objects.create(mark_b="o2", j_b_to_a={"key": key})
    synchronize()

    def write():
        delete("default", target, key)
        target.objects.create(pk=key, mark_a="o3")
        if changed == "its row":
            holder.objects.update(j_b_to_a={"key": key, "more": 1})

    def tamper():
        if changed != "nothing":
            holder.objects.using("remote").update(j_b_to_a={"key": 900})

    found = judged(local, write, tamper)

    if changed == "nothing":
        assert found == []
    else:
        assert "j_b_to_a is '→ nothing' instead of '→ o3'" in found[0]


@both_vendors
@pytest.mark.parametrize("sweeps", [False, True])
def test_object_that_a_receiver_deletes_on_the_remote_is_missed_unless_it_has_done_so(project, judged, local, sweeps):
    model, swept = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "note_b = models.CharField(max_length=120, null=True)"),
    )
    model.objects.create(mark_a="o1")
    synchronize()

    def write():
        swept.objects.create(mark_b="o2", note_b="o1")
        model.objects.all()._raw_delete("default")

    def hear(instance, using, **told):
        if sweeps:
            ledger.sweep(instance, swept, using)

    def tamper():
        if not sweeps:
            swept.objects.using("remote").all()._raw_delete("remote")

    with receiving("pre_delete", model, hear):
        found = judged(local, write, tamper)

    assert not swept.objects.using("remote").exists()
    assert (found == []) is sweeps
    assert sweeps or "is missing" in found[0]


@both_vendors
@pytest.mark.parametrize("put_back", [False, True])
def test_object_may_be_there_under_a_lost_key_too_where_local_was_put_back_after_it_was_deleted(
    project, databases, tmp_path, local, put_back
):
    [model] = project(
        local, ("A", "models.Model", "a_no = models.CharField(max_length=9, primary_key=True)", marked("a"))
    )
    model.objects.create(a_no="lost", mark_a="o1")
    synchronize()
    ledger.forget()
    names = dict.fromkeys(("default", "remote"), "")
    oracle = Oracle(World(Project(0, local, local, ()), databases, tmp_path, names))
    oracle.settle(Sides(read("default"), read("remote")))
    with synchro_paused():  # as if a backup from before the run came back
        model.objects.all().delete()
        before = read("default")
        model.objects.create(a_no="old", mark_a="o1")
    if put_back:
        oracle.overlook(before, read("default"), undone=True)
    model.objects.update(a_no="new")
    sides = Sides(read("default"), read("remote"))
    report = synchronize()

    found = oracle.judge(sides, Sides(read("default"), read("remote")), report, [])

    assert sorted(row.a_no for row in model.objects.using("remote")) == ["lost", "new"]
    assert (found == []) is put_back


@both_vendors
@pytest.mark.parametrize("goes", [False, True])
def test_key_of_the_remotes_own_is_emptied_with_the_row_that_it_led_to_and_not_with_another_of_the_same_object(
    project, judged, local, goes
):
    target, holder = project(
        local,
        ("A", "models.Model", "a_no = models.IntegerField(primary_key=True)", marked("a")),
        ("B", "models.Model", marked("b"), "to_b = models.ForeignKey('A', models.SET_NULL, null=True)"),
        SYNCHRO_CONFLICT="local",
    )
    target.objects.create(a_no=1, mark_a="o1")
    synchronize()
    target.objects.using("remote").create(a_no=2, mark_a="o1")  # as where it has won over what the object was before
    holder.objects.using("remote").create(mark_b="R1", to_b_id=1 if goes else 2)

    def write():
        target.objects.update(a_no=3)

    def tamper():
        holder.objects.using("remote").update(to_b=None)

    found = judged(local, write, tamper)

    assert sorted(row.a_no for row in target.objects.using("remote")) == [2, 3]
    assert any("to_b_id is None instead of" in each for each in found) is not goes


@both_vendors
@pytest.mark.parametrize("winner", ["remote", "local"])
@pytest.mark.parametrize("taken", ["what hangs on it", "more"])
def test_what_hangs_on_an_object_that_the_remote_has_deleted_goes_with_it_as_is_told_and_nothing_else_does(
    project, judged, local, winner, taken
):
    target, hanging = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "to_a = models.ForeignKey('A', models.CASCADE, null=True)"),
        SYNCHRO_CONFLICT=winner,
    )
    key = target.objects.create(mark_a="o1").pk
    synchronize()

    def write():
        for number in (2, 3, 4):
            hanging.objects.create(mark_b=f"o{number}", to_a_id=key if number < 4 else None)
        target.objects.using("remote").all().delete()

    def tamper():
        gone = ["o2", "o3", *(["o4"] if taken == "more" else [])]
        hanging.objects.using("remote").filter(mark_b__in=gone)._raw_delete("remote")

    found = judged(local, write, tamper)

    silent = {"o2", "o3"} if winner == "local" else set()
    silent |= {"o4"} if taken == "more" else set()
    assert {mark for mark in ("o2", "o3", "o4") for each in found if f"shapefuzz.B {mark} " in each} == silent
    assert all("is missing" in each for each in found)


@both_vendors
@pytest.mark.parametrize("refused", ["its former key", "another one's", "nothing"])
def test_link_is_there_twice_only_where_what_its_end_was_before_could_not_be_deleted(project, judged, local, refused):
    target, owner = project(
        local,
        ("A", "models.Model", "a_no = models.CharField(max_length=9, primary_key=True)", marked("a")),
        ("B", "models.Model", marked("b"), "m_b = models.ManyToManyField('A')"),
    )
    for number in (1, 2):
        made = target.objects.create(a_no=f"old{number}", mark_a=f"o{number}")
        owner.objects.create(mark_b=f"o{number + 2}").m_b.add(made)
    synchronize()
    through = owner.m_b.through

    def write():
        with transaction.atomic():  # whose foreign keys are looked at in the end
            for number in (1, 2):
                target.objects.filter(a_no=f"old{number}").update(a_no=f"new{number}")
                through.objects.filter(a_id=f"old{number}").update(a_id=f"new{number}")

    def refuse(instance, using, **told):
        if using == "remote" and instance.mark_a == {"its former key": "o1", "another one's": "o2"}.get(refused):
            raise ledger.Refusal("it stays")

    def tamper():
        if refused != "its former key":
            target(a_no="old1", mark_a="o1").save_base(raw=True, using="remote", force_insert=True)
            linked = owner.objects.using("remote").get(mark_b="o3")
            through(a_id="old1", b=linked).save_base(raw=True, using="remote", force_insert=True)

    with receiving("pre_delete", target, refuse):
        found = judged(local, write, tamper, troubled=["a receiver that refuses"])

    assert owner.objects.using("remote").get(mark_b="o3").m_b.count() == 2
    assert any("is there 2 times" in each and " > " in each for each in found) is (refused != "its former key")
    assert found == [] or refused != "its former key"


@both_vendors
@pytest.mark.parametrize("linked", ["past the log", "by the log", "past the log, and all is looked at"])
def test_link_made_past_the_log_is_not_missed_whatever_object_has_the_key_of_its_end_since(
    project, judged, local, linked
):
    target, owner = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", marked("b"), "m_b = models.ManyToManyField('A')"),
        SYNCHRO_OPTIONS={"shapefuzz.B": {"identity": "pk"}},  # else a number that is given out again brings its links
    )
    key = target.objects.create(mark_a="o1").pk
    synchronize()
    there = owner.m_b.through.objects.using("remote")

    def link():
        owner.objects.get().m_b.add(key)

    def write():
        if linked == "by the log":
            link()
        with transaction.atomic():  # whose foreign keys are looked at in the end
            delete("default", owner, 1)
            owner.objects.create(pk=1, mark_b="o3")

    def tamper():
        assert there.exists() is (linked != "past the log")
        there._raw_delete("remote")

    owner.objects.create(pk=1, mark_b="o2")
    paused = None if linked == "by the log" else link
    found = judged(local, write, tamper, paused=paused, full=linked.endswith("looked at"))

    assert any("→ o3 > → o1" in each and "is missing" in each for each in found) is (linked != "past the log")
    assert found == [] or linked != "past the log"


@both_vendors
@pytest.mark.parametrize("refused", [True, False])
def test_link_is_missed_where_both_of_its_ends_are_there(project, judged, local, refused):
    target, owner = project(
        local,
        ("A", "models.Model", marked("a")),
        ("B", "models.Model", "b_no = models.CharField(max_length=9, primary_key=True)", marked("b"), LINKS),
    )
    owner.objects.create(b_no="old", mark_b="o1").m_b.add(target.objects.create(mark_a="o2"))
    synchronize()
    through = owner.m_b.through

    def write():
        with transaction.atomic():  # whose foreign keys are looked at in the end
            owner.objects.update(b_no="new")
            with synchro_paused():
                through.objects.update(b_id="new")

    def refuse(instance, using, **told):
        if refused and using == "remote" and instance.pk == "new":
            raise ledger.Refusal("it is not made")

    def tamper():
        through.objects.using("remote").all()._raw_delete("remote")

    with receiving("pre_save", owner, refuse):
        found = judged(local, write, tamper, troubled=["a receiver that refuses"])

    assert owner.objects.using("remote").exists() is not refused
    assert any("taken along" in each for each in found) is not refused


@both_vendors
@pytest.mark.parametrize("key", ["its users'", "a number"])
@pytest.mark.parametrize("failing", ["the child", "another one's child", "nothing"])
def test_object_is_there_only_where_who_has_its_key_now_fails_as_a_child_with_a_key_of_its_own(
    project, judged, local, failing, key
):
    kind = {"its users'": "models.CharField(max_length=9, primary_key=True)", "a number": NUMBER}[key]
    parent, child, _ = project(
        local,
        ("A", "models.Model", f"a_no = {kind}", marked("a")),
        (
            *("B", "A", f"b_no = {NUMBER}", marked("b")),
            "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
        ),
        # Another model over the parent's table.
        ("C", "models.Model", f"a_no = {kind}", marked("a"), "Meta:db_table = 'shapefuzz_a'", "Meta:managed = False"),
    )
    for number in (1, 2):
        parent.objects.create(a_no=number, mark_a=f"o{number}")
    synchronize()

    def write():
        delete("default", parent, 1)
        parent.objects.create(a_no=1, mark_a="o3")
        for number, mark in ((1, "o3"), (2, "o2")):
            made = {"b_no": number, "a_ptr_id": number, "mark_a": mark, "mark_b": f"{mark} as a child"}
            child(**made).save_base(raw=True, force_insert=True)

    refused = {"the child": "o3", "another one's child": "o2"}.get(failing)

    def refuse(instance, using, **told):
        if using == "remote" and instance.mark_a == refused:
            raise ledger.Refusal("it is not made")

    def tamper():
        there = parent.objects.using("remote")
        child.objects.using("remote").filter(a_ptr__mark_a="o3")._raw_delete("remote")
        there.filter(mark_a__in=("o1", "o3"))._raw_delete("remote")
        parent(a_no=1, mark_a="o1").save_base(raw=True, using="remote", force_insert=True)

    with receiving("pre_save", child, refuse):
        found = judged(local, write, tamper, troubled=["a receiver that refuses"])

    right = (failing, key) == ("the child", "its users'")
    for label in ("shapefuzz.A", "shapefuzz.C"):
        assert any(f"{label} o1 " in each and "is still there" in each for each in found) is not right
    assert found == [] or not right


POINTING = (
    *("B", "models.Model", marked("b"), "note_b = models.CharField(max_length=120, null=True)"),
    "ct_b = models.ForeignKey(ContentType, models.CASCADE)",
    *("oid_b = models.CharField(max_length=60, null=True)", "g_b = GenericForeignKey('ct_b', 'oid_b')"),
)


@both_vendors
@pytest.mark.parametrize(
    "case", ["as it was", "so is a note", "the remote has not won", "it is another key", "LOCAL has written it"]
)
def test_keys_that_led_nowhere_may_lead_apart_only_where_the_remote_has_won_and_nobody_has_written_them_since(
    project, databases, tmp_path, local, case
):
    target, pointing = project(local, ("A", "models.Model", marked("a")), POINTING, SYNCHRO_CONFLICT="remote")
    made = pointing.objects.create(mark_b="o1", ct_b=ContentType.objects.get_for_model(target))
    synchronize()
    ledger.forget()
    names = dict.fromkeys(("default", "remote"), "")
    oracle = Oracle(World(Project(0, local, local, ()), databases, tmp_path, names))
    oracle.settle(Sides(read("default"), read("remote")))
    there = pointing.objects.using("remote")

    def judged_run(tamper=lambda: None):
        before = Sides(read("default"), read("remote"))
        report = synchronize()
        tamper()
        return oracle.judge(before, Sides(read("default"), read("remote")), report, [])

    if case != "the remote has not won":
        there.update(oid_b="3", **({"note_b": "theirs"} if case == "so is a note" else {}))
    pointing.objects.update(oid_b="4")
    nowhere = "3" if case == "the remote has not won" else None
    assert judged_run(lambda: there.update(oid_b=nowhere) if nowhere else None) == []
    target.objects.bulk_create([target(mark_a=f"n{number}") for number in range(1, 5)])
    if case == "LOCAL has written it":
        pointing.objects.filter(pk=made.pk).update(oid_b="2")
    kept = {"it is another key": "2", "LOCAL has written it": "3"}.get(case)
    found = judged_run(lambda: there.update(oid_b=kept) if kept else None)

    leads = {"it is another key": "n2"}.get(case, "n3")
    should = {"LOCAL has written it": "n2"}.get(case, "n4")
    wrong = f"oid_b is '→ {leads}' instead of '→ {should}'"
    assert [wrong in each for each in found] == ([] if case in ("as it was", "so is a note") else [True])
