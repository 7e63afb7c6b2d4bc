"""Sites, flat pages and redirects, and rows of any model named by their content type."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sites.models import Site
from django.db import connections

from tests.databases import both
from tests.replay.hearing import later
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare

pytestmark = [both, pytest.mark.usefixtures("migrated_apart")]

CAPTURED = COMPARED = ("sites", "flatpages", "redirects", "contenttypes")


@pytest.fixture
def sites() -> list[Site]:
    Site.objects.using(REMOTE).create(domain="b.example.com", name="made there")
    later()  # the newer one wins, and the remote's where SQLite logged the same millisecond
    return [Site.objects.create(domain=f"{letter}.example.com", name=letter) for letter in "abc"]


def test_site_that_both_sides_have_is_one(sites):
    Site.objects.filter(domain="example.com").update(name="the first site")

    report = synchronize_and_compare(*COMPARED)

    assert report.models["sites.Site"].created == 2  # a and c
    assert on_remote(Site, domain="example.com").name == "the first site"


def test_flat_pages_arrive_with_their_sites(sites):
    first = Site.objects.get(domain="example.com")
    about = FlatPage.objects.create(url="/about/", title="About", content="<p>ü</p>")
    about.sites.add(first, sites[0])
    home = FlatPage.objects.create(url="/", title="Home", registration_required=True)
    home.sites.set(sites)
    synchronize_and_compare(*COMPARED)
    assert {site.domain for site in on_remote(FlatPage, url="/about/").sites.all()} == {"example.com", "a.example.com"}

    about.sites.remove(first)
    first.flatpage_set.add(home)
    sites[1].flatpage_set.clear()
    FlatPage.objects.filter(url="/").update(url="/home/")
    synchronize_and_compare(*COMPARED)

    sites[0].delete()
    about.delete()
    synchronize_and_compare(*COMPARED)
    assert {site.domain for site in FlatPage.objects.using(REMOTE).get().sites.all()} == {
        "example.com",
        "c.example.com",
    }


def test_redirects_arrive_and_go_with_their_site(sites):
    for number, site in enumerate(sites):
        Redirect.objects.create(site=site, old_path="/old/", new_path=f"/new/{number}/")
    synchronize_and_compare(*COMPARED)

    # old_path is unique for a site: two change places, by way of a third value.
    first, second = Redirect.objects.filter(site__in=sites[:2]).order_by("site")
    with connections["default"].cursor() as cursor:
        for site, redirect in ((sites[0], second), (sites[1], first)):
            cursor.execute("UPDATE django_redirect SET old_path = '/by/' WHERE id = %s", [first.pk])
            cursor.execute("UPDATE django_redirect SET site_id = %s WHERE id = %s", [site.pk, redirect.pk])
        cursor.execute("UPDATE django_redirect SET old_path = '/old/' WHERE id = %s", [first.pk])
    sites[2].delete()
    synchronize_and_compare(*COMPARED)

    assert set(Redirect.objects.using(REMOTE).values_list("site__domain", "old_path", "new_path")) == {
        ("a.example.com", "/old/", "/new/1/"),
        ("b.example.com", "/old/", "/new/0/"),
    }


def test_content_types_of_one_side_only_arrive_and_go():
    stale = [ContentType.objects.create(app_label="removed", model=model) for model in ("alpha", "omega")]
    synchronize_and_compare(*COMPARED)

    ContentType.objects.filter(pk=stale[0].pk).update(model="beta")
    stale[1].delete()
    report = synchronize_and_compare(*COMPARED)

    assert (report.updated, report.deleted) == (1, 1)
