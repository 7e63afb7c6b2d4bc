"""Programs that ask for tokens, on either side."""

from __future__ import annotations

import base64
from typing import Any

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.test import Client
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A user, a program with a token."""
    User.objects.create_user("ann", password="secret")
    _program("old")
    _token("old")


def _program(name: str, grant: str = Application.GRANT_CLIENT_CREDENTIALS, **values: Any) -> Application:
    return Application.objects.create(
        name=name,
        client_id=name.replace(" ", "-"),
        client_secret=f"secret of {name}",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=grant,
        user=User.objects.get(username="ann"),
        **values,
    )


def _post(name: str, path: str, values: dict[str, str]) -> Any:
    said = base64.b64encode(f"{name.replace(' ', '-')}:secret of {name}".encode()).decode()
    answer = Client().post(path, values, headers={"authorization": f"Basic {said}"})
    assert answer.status_code == 200, answer.content
    return answer.json() if answer.content else None


def _token(name: str) -> str:
    token: str = _post(name, "/o/token/", {"grant_type": "client_credentials"})["access_token"]
    return token


def create(who: str) -> None:
    """A program with tokens; another that a user lets in, with a token to refresh it."""
    _program(f"program of {who}")
    _token(f"program of {who}")
    _token(f"program of {who}")
    _program(f"site of {who}", Application.GRANT_PASSWORD)
    _post(f"site of {who}", "/o/token/", {"grant_type": "password", "username": "ann", "password": "secret"})


def change(who: str) -> None:
    """Tokens of the other side are refreshed and revoked, its programs renamed; its secrets are known here."""
    name = f"site of {OTHER[who]}"
    refresh = RefreshToken.objects.get(application__name=name)
    _post(name, "/o/token/", {"grant_type": "refresh_token", "refresh_token": refresh.token})
    token = AccessToken.objects.filter(application__name=f"program of {OTHER[who]}").order_by("expires").first()
    _post(f"program of {OTHER[who]}", "/o/revoke_token/", {"token": token.token})
    program = Application.objects.get(name=name)
    program.redirect_uris = f"https://{who}.example.com/"
    program.save()


def remove(who: str) -> None:
    """A program of the other side goes, with its tokens."""
    Application.objects.get(name=f"program of {OTHER[who]}").delete()


def told() -> dict[str, Any]:
    """Return the tokens of each program, and whether its secret is right."""
    return {
        program.name: [
            check_password(f"secret of {program.name}", program.client_secret),
            program.redirect_uris,
            sorted(f"{each.token} {each.user} {each.expires}" for each in program.accesstoken_set.all()),
            sorted(
                f"{each.token} {each.revoked} {each.access_token and each.access_token.token}"
                for each in program.refreshtoken_set.all()
            ),
            Grant.objects.filter(application=program).count(),
        ]
        for program in Application.objects.all()
    }
