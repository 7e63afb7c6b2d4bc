"""What the staff does in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from django.test import Client


def main_begins() -> None:
    """Two people, and a page that one of them has made."""
    for name in ("ann", "bob"):
        User.objects.create_superuser(name, f"{name}@example.com", "secret")
    _page("ann", None, "Old")


def main_goes_on(name: str) -> None:
    """Main's staff works too, so that both sides give out the same numbers."""
    User.objects.create_superuser(f"of {name}", "", "secret")
    _page("bob", None, f"of {name}")
    _post("bob", "/admin/auth/group/add/", name=f"of {name}")


def add_pages() -> None:
    """A new colleague makes pages and groups, and changes them."""
    _post("bob", "/admin/auth/user/add/", username="cem", password1="sec-ret-9", password2="sec-ret-9")
    User.objects.filter(username="cem").update(is_staff=True, is_superuser=True)
    _page("cem", None, "New")
    _page("cem", FlatPage.objects.get(title="New"), "New, changed")
    _post("cem", "/admin/auth/group/add/", name="editors")
    _page("cem", FlatPage.objects.get(title="Old"), "Old, changed")


def delete_pages() -> None:
    """Pages are deleted, one of them by an action, and a group is renamed."""
    page = FlatPage.objects.get(title="New, changed")
    _post("ann", f"/admin/flatpages/flatpage/{page.pk}/delete/", post="yes")
    old = FlatPage.objects.get(title="Old, changed")
    _post("bob", "/admin/flatpages/flatpage/", action="delete_selected", _selected_action=[old.pk], post="yes")
    group = Group.objects.get(name="editors")
    _post("bob", f"/admin/auth/group/{group.pk}/change/", name="writers")


def log() -> list[str]:
    """Return who has done what to which object, which is named as it is now."""
    told = []
    for entry in LogEntry.objects.all():
        model = entry.content_type.model_class()
        now = model.objects.filter(pk=entry.object_id).first()
        told.append(f"{entry.action_time} {entry.user} {entry.action_flag} {entry.object_repr}: {now}")
    return sorted(told)


def histories_open() -> None:
    """Open the history of each object."""
    client = Client()
    client.force_login(User.objects.get(username="ann"))
    addresses = [f"/admin/auth/user/{user.pk}/history/" for user in User.objects.all()]
    addresses += [f"/admin/flatpages/flatpage/{page.pk}/history/" for page in FlatPage.objects.all()]
    for address in ["/admin/", *addresses]:
        assert client.get(address).status_code == 200, address


def _page(username: str, page: Any, title: str) -> None:
    values = {"url": f"/{title.split(',')[0].replace(' ', '')}/", "title": title, "sites": [Site.objects.get().pk]}
    _post(username, "/admin/flatpages/flatpage/" + (f"{page.pk}/change/" if page else "add/"), **values)


def _post(who: str, address: str, /, **values: Any) -> None:
    client = Client()
    client.force_login(User.objects.get(username=who))
    answer = client.post(address, values)
    assert answer.status_code == 302, answer.context["errors"]
