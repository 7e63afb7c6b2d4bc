"""Keys of two columns, with a natural key beside them."""

from __future__ import annotations

import pytest

from synchro_triggers import synchro_paused, synchronize
from tests.shapefuzz.test_found import both_vendors, marked


@pytest.fixture
def model(project, local):
    lines = (
        "pk = models.CompositePrimaryKey('a_no', 'a_no2')",
        "a_no = models.IntegerField(default=0)",
        "a_no2 = models.CharField(max_length=20)",
        "u_a = models.CharField(max_length=20, null=True, unique=True)",
    )
    options = {"shapefuzz.A": {"natural_key": ("u_a",)}}
    [model] = project(local, ("A", "models.Model", marked("a"), *lines), SYNCHRO_OPTIONS=options)
    return model


def there(model):
    return list(model.objects.using("remote").values_list("a_no", "a_no2", "mark_a").order_by("a_no"))


@both_vendors
def test_object_that_nobody_knew_is_found_by_its_natural_key_and_deleted(model):
    for alias in ("default", "remote"):
        with synchro_paused(using=alias):
            model.objects.using(alias).create(mark_a="o1", a_no=2, a_no2="", u_a="x")

    model.objects.all().delete()
    report = synchronize()

    assert (report.failures, there(model)) == ([], [])


@both_vendors
def test_table_whose_natural_keys_have_changed_is_emptied_and_loaded_anew(model):
    model.objects.create(mark_a="o1", a_no=2, a_no2="", u_a="x")
    synchronize()
    model.objects.update(u_a="y")

    model.objects.all().delete()
    model.objects.create(mark_a="o1", a_no=2, a_no2="", u_a="y")
    report = synchronize()

    assert (report.failures, there(model)) == ([], [(2, "", "o1")])
