"""LOCAL is put back to a backup, and goes on: what its log says after that speaks of what the remote has received."""

from __future__ import annotations

from random import Random

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete, insert


@pytest.fixture
def backup(databases):
    """Makes a backup of LOCAL; returns what puts LOCAL back to it."""

    def make(local):
        settings = connections["default"].settings_dict
        connections["default"].close()
        kept = databases.duplicate(local, settings["NAME"], "backup")

        def put_back():
            connections["default"].close()
            databases.overwrite(local, settings["NAME"], kept)

        return put_back

    return make


@both_vendors
@pytest.mark.parametrize("done", ["deleted", "renumbered"])
def test_what_goes_after_local_was_put_back_goes_on_the_remote(project, local, backup, done):
    [model] = project(local, ("A", "models.Model", marked("a")))
    model.objects.using("remote").create(mark_a="R1")
    made = model.objects.create(mark_a="o1")
    put_back = backup(local)
    model.objects.create(mark_a="lost")
    synchronize()
    put_back()
    if done == "deleted":
        model.objects.get().delete()
    else:
        model.objects.update(id=made.pk + 100)
    call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    expected = ["R1", "lost"] if done == "deleted" else ["R1", "lost", "o1"]
    assert sorted(row.mark_a for row in model.objects.using("remote")) == sorted(expected)
    assert not synchronize().changed


@both_vendors
def test_what_becomes_a_child_after_local_was_put_back_is_the_object_that_it_was(project, local, backup):
    parent, child = project(local, ("A", "models.Model", marked("a")), ("B", "A", marked("b")))
    parent.objects.using("remote").create(mark_a="R1")
    made = parent.objects.create(mark_a="o1")
    put_back = backup(local)
    parent.objects.create(mark_a="lost")
    synchronize()
    put_back()
    insert("default", child, {"mark_b": "o1", "a_ptr_id": made.pk}, Random(1))
    call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)

    report = synchronize()

    assert report.failures == []
    assert sorted(row.mark_a for row in parent.objects.using("remote")) == ["R1", "lost", "o1"]
    assert child.objects.using("remote").get().mark_b == "o1"


@both_vendors
def test_what_is_made_and_goes_after_local_was_put_back_is_not_what_had_its_number(project, local, backup):
    [model] = project(local, ("A", "models.Model", marked("a")))
    model.objects.create(mark_a="o1")
    put_back = backup(local)
    model.objects.create(pk=5, mark_a="lost")
    synchronize()
    put_back()
    model.objects.create(pk=5, mark_a="o2")
    delete("default", model, 5)
    call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 0)
    assert sorted(row.mark_a for row in model.objects.using("remote")) == ["lost", "o1"]


@both_vendors
def test_child_with_a_key_of_its_own_is_known_again_after_local_was_put_back(project, local, backup):
    parent, child = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "A", "b_no = models.CharField(max_length=20, primary_key=True)", marked("b")),
            "a_ptr = models.OneToOneField('A', models.CASCADE, parent_link=True)",
        ),
    )
    parent.objects.using("remote").create(mark_a="R1")
    child.objects.create(b_no="x", mark_a="o1", mark_b="o1")
    put_back = backup(local)
    parent.objects.create(mark_a="lost")
    synchronize()
    put_back()
    call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)
    child.objects.update(mark_b="changed")
    parent.objects.update(mark_a="changed")

    report = synchronize()

    assert (report.failures, report.created) == ([], 0)
    assert sorted(row.mark_a for row in parent.objects.using("remote")) == ["R1", "changed", "lost"]
    assert child.objects.using("remote").get().mark_b == "changed"


@both_vendors
def test_what_was_linked_and_goes_after_local_was_put_back_goes_on_the_remote(project, local, backup):
    [model] = project(local, ("A", "models.Model", marked("a")))
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            model.objects.using(alias).create(mark_a="o1")
    call_command("synchro_link", verbosity=0)
    put_back = backup(local)
    model.objects.create(mark_a="lost")
    synchronize()
    put_back()
    model.objects.get().delete()
    call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)

    report = synchronize()

    assert (report.failures, report.deleted) == ([], 1)
    assert [row.mark_a for row in model.objects.using("remote")] == ["lost"]


@both_vendors
def test_nothing_is_lost_where_all_that_the_remote_has_is_in_the_log_still(project, local, backup, capsys):
    parent, child = project(local, ("A", "models.Model", marked("a")), ("B", "A", marked("b")))
    child.objects.create(mark_a="o1", mark_b="o1")
    parent.objects.create(mark_a="o2")
    put_back = backup(local)
    synchronize()
    put_back()
    parent.objects.create(mark_a="o3")

    call_command("synchro_reset", keep_identity=True, interactive=False)

    assert "what waits will be sent" in capsys.readouterr().out
    assert synchronize().created == 1
    assert sorted(row.mark_a for row in parent.objects.using("remote")) == ["o1", "o2", "o3"]
