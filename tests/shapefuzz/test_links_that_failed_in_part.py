"""Rows of links that speak of several links: one of them fails, and the others do not hide it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db.models.signals import m2m_changed

from synchro_triggers import synchronize
from synchro_triggers.replay import synchronizing
from tests.shapefuzz.test_found import both_vendors, marked

SHOWN = ("a__mark_a", "b__mark_b")


@pytest.fixture
def links(project, local):
    """The table of links, with one of them, which both sides have."""
    source, target = project(
        local,
        ("A", "models.Model", marked("a"), "m_a = models.ManyToManyField('B', related_name='+')"),
        ("B", "models.Model", marked("b")),
    )
    for name in ("o1", "o2"):
        source.objects.create(mark_a=name)
        target.objects.create(mark_b=name)
    source.m_a.through.objects.create(pk=1, a_id=1, b_id=1)
    synchronize()
    return source.m_a.through


@contextmanager
def refusing(through, action):
    def refuse(using, action, **told):
        if using == "remote" and action == refused:
            raise ValueError("refused")

    refused = action
    m2m_changed.connect(refuse, sender=through)
    try:
        yield
    finally:
        m2m_changed.disconnect(refuse, sender=through)


@both_vendors
@pytest.mark.parametrize("moved", [{"b_id": 2}, {"a_id": 2}])
@pytest.mark.parametrize("action", ["pre_remove", "pre_add"])
def test_row_that_links_others_now_is_a_failure_while_half_of_it_fails(links, moved, action):
    links.objects.update(**moved)

    with refusing(links, action):
        reports = [synchronize(), synchronize()]

    assert [len(report.failures) for report in reports] == [1, 1]
    synchronizing.retry_failures("remote")
    assert list(links.objects.using("remote").values_list(*SHOWN)) == list(links.objects.values_list(*SHOWN))


@both_vendors
@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("then", ["stays", "goes"])
def test_link_that_is_to_go_goes_once_it_may_whatever_gets_its_number(links, pauses, then):
    with refusing(links, "pre_remove"):
        links.objects.all()._raw_delete("default")
        assert len(synchronize().failures) == 1
        while pauses and not synchronize().waiting:
            pass
        links.objects.create(pk=1, a_id=1, b_id=2)
        reports = [synchronize(), synchronize()]
        if then == "goes":
            links.objects.all()._raw_delete("default")
        reports += [synchronize(), synchronize()]

    assert all(len(report.failures) + report.waiting == 1 for report in reports)
    synchronizing.retry_failures("remote")
    assert list(links.objects.using("remote").values_list(*SHOWN)) == list(links.objects.values_list(*SHOWN))
