"""Links of a parent, where the child that goes has a key of its own."""

from __future__ import annotations

from synchro_triggers import synchronize
from tests.replay.hearing import receiving
from tests.shapefuzz.test_found import both_vendors, marked


@both_vendors
def test_links_of_the_parent_are_counted_by_its_key(project, local):
    parent, child, linked = project(
        local,
        ("A", "models.Model", "a_no = models.IntegerField(primary_key=True)", marked("a")),
        (
            *("B", "A", "b_no = models.IntegerField(primary_key=True)", marked("b")),
            "a_ptr = models.OneToOneField(A, models.CASCADE, parent_link=True)",
        ),
        ("C", "models.Model", marked("c"), "m_c = models.ManyToManyField(A)"),
    )
    for number in (1, 2):
        child.objects.create(a_no=number, b_no=3 - number, mark_a=f"o{number}", mark_b=f"o{number}")
    linked.objects.create(mark_c="o3").m_c.add(1)
    synchronize()
    child.objects.get(a_no=2).delete()  # nothing is linked to it, but to what has its own key

    with receiving("post_delete", child, lambda **told: None):
        report = synchronize()

    assert report.failures == []
    assert "shapefuzz.C_m_c" not in report.models
    assert [row.pk for row in linked.objects.using("remote").get().m_c.all()] == [1]
    assert parent.objects.using("remote").count() == 1

    child.objects.all().delete()
    with receiving("post_delete", child, lambda **told: None):
        report = synchronize()

    assert report.failures == [] and report.models["shapefuzz.C_m_c"].deleted == 1
    assert not parent.objects.using("remote").exists()
