"""Users who sign up, log in with a second factor, and found organizations."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from organizations.models import Organization
from organizations.utils import create_organization

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A user with an organization."""
    create_organization(_sign_up("ann"), "old")


def _sign_up(name: str) -> User:
    values = {"username": name, "email": f"{name}@example.com", "password1": "S3crets!9", "password2": "S3crets!9"}
    answer = Client().post("/accounts/signup/", values)
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    return User.objects.get(username=name)


def create(who: str) -> None:
    """Two users sign up, confirm, get devices and tokens, and found organizations."""
    for name in (f"first{who}", f"second{who}"):
        user = _sign_up(name)
        confirmation = EmailConfirmation.objects.get(email_address__user=user)
        answer = Client().post(f"/accounts/confirm-email/{confirmation.key}/")
        assert answer.status_code == 302, answer.status_code
        TOTPDevice.objects.create(user=user, name=f"phone of {name}", key="00" * 20)
        tokens = StaticDevice.objects.create(user=user, name="paper").token_set
        for n in range(3):
            tokens.create(token=f"{name[:4]}{n}")
        create_organization(user, f"{name} & co").add_user(User.objects.get(username="ann"))


def change(who: str) -> None:
    """The other side's users log in, use up tokens and change their addresses; an organization has a new owner."""
    user = User.objects.get(username=f"first{OTHER[who]}")
    answer = Client().post("/accounts/login/", {"login": user.username, "password": "S3crets!9"})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    phone = TOTPDevice.objects.get(user=user)
    assert not phone.verify_token(1)  # a wrong one, which is counted
    assert StaticDevice.objects.get(user=user).verify_token(f"{user.username[:4]}1")
    address = EmailAddress.objects.create(user=user, email=f"new{who}@example.com", verified=True)
    address.set_as_primary()
    organization = Organization.objects.get(name=f"{user.username} & co")
    organization.change_owner(organization.get_or_add_user(User.objects.get(username="ann"))[0])
    second = TOTPDevice.objects.get(user__username=f"second{OTHER[who]}")
    assert second.verify_token(TOTP(second.bin_key, second.step, second.t0, second.digits).token())


def remove(who: str) -> None:
    """A user of the other side goes, with devices and addresses, and an organization loses a member."""
    organization = Organization.objects.get(name=f"first{OTHER[who]} & co")
    organization.remove_user(User.objects.get(username=f"first{OTHER[who]}"))
    Organization.objects.get(name=f"second{OTHER[who]} & co").delete()
    User.objects.get(username=f"second{OTHER[who]}").delete()


def told() -> dict[str, Any]:
    """Return what belongs to each user, and who to each organization."""
    users = {
        user.username: [
            user.email,
            user.check_password("S3crets!9"),
            sorted(f"{each.email} {each.verified} {each.primary}" for each in user.emailaddress_set.all()),
            sorted(f"{each.name} {each.last_t} {each.throttling_failure_count}" for each in user.totpdevice_set.all()),
            sorted(each.token for device in user.staticdevice_set.all() for each in device.token_set.all()),
        ]
        for user in User.objects.all()
    }
    organizations = {
        each.name: [
            each.slug,
            each.owner.organization_user.user.username,
            sorted(f"{one.user.username} {one.is_admin}" for one in each.organization_users.all()),
        ]
        for each in Organization.objects.all()
    }
    return {**users, **organizations}
