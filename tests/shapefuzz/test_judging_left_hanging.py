"""The judge of random projects: what leads nowhere on LOCAL goes along on the remote, where its target is deleted."""

from __future__ import annotations

import pytest
from django.db import connections

from synchro_triggers import synchronize
from tests.shapefuzz.foreign import constraints_off
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.writing import delete

# What a generic foreign key could point to is deleted one by one, after what is new.
POINTING_ANYWHERE = (
    "ct_c = models.ForeignKey(ContentType, models.CASCADE, null=True, related_name='+')",
    "oid_c = models.CharField(max_length=60, null=True)",
    "g_c = GenericForeignKey('ct_c', 'oid_c')",
)


@both_vendors
@pytest.mark.parametrize("deleted", [True, False])
@pytest.mark.parametrize("tampered", [False, True])
def test_object_made_anew_may_be_missing_only_where_its_target_is_gone_and_that_is_told(
    project, judged, local, deleted, tampered
):
    target, holder, _ = project(
        local,
        ("A", "models.Model", marked("a")),
        (
            *("B", "models.Model", marked("b")),
            "b_no = models.OneToOneField('A', models.CASCADE, primary_key=True, related_name='+')",
        ),
        ("C", "models.Model", marked("c"), *POINTING_ANYWHERE),
    )
    holder.objects.create(b_no=target.objects.create(pk=1, mark_a="o1"), mark_b="o1")
    assert synchronize().created == 2
    there = holder.objects.using("remote")

    def write():
        holder.objects.all().delete()
        holder.objects.create(pk=1, mark_b="o3")
        if deleted:
            _delete_alone(target, holder)

    found = judged(local, write, tamper=lambda: there.all().delete() if tampered else None)

    assert there.exists() is not (deleted or tampered)
    if deleted or not tampered:
        assert found == []
    else:
        assert "is missing; it should be" in str(found)


def _delete_alone(target, holder):
    """Delete a row that another one hangs on, as those can whose database has no foreign keys."""
    if connections["default"].vendor == "sqlite":
        with constraints_off():
            delete("default", target, 1)
        return
    with connections["default"].schema_editor() as editor:
        [name] = editor._constraint_names(holder, ["b_no_id"], foreign_key=True)
        editor.execute(editor._delete_fk_sql(holder, name))
    delete("default", target, 1)
