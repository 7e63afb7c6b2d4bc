"""What monitoring asks: metrics for Prometheus, and whether this process and its database are well."""

from __future__ import annotations

import hmac

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..conf import metrics_token
from ..exceptions import DatabaseUnreachable, SynchroError
from ..masking import without_credentials
from ..replay.metrics.figures import read_figures
from ..replay.metrics.ready import why_not_ready
from .exposition import CONTENT_TYPE, exposition
from .metrics import metrics_of
from .outside import outside_request_transactions
from .permissions import SEE, may


@outside_request_transactions
@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell in Prometheus' text format where LOCAL and the remotes stand.

    Who asks gives the token of ``SYNCHRO_METRICS_TOKEN``, or is logged in and may see the page. What cannot
    be told, because settings are wrong or a database is down, is a line that says why, with 503.
    """
    try:
        if not (_has_token(request) or _may_see(request)):
            return _line(
                f"Send SYNCHRO_METRICS_TOKEN as a bearer token, or log in as one of the staff who has {SEE}.",
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="synchro"'},
            )
        text = exposition(metrics_of(read_figures()))
    except (SynchroError, ImproperlyConfigured) as error:
        return _line(str(error), status=503)
    return HttpResponse(text, content_type=CONTENT_TYPE)


def _line(text: str, *, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    said = " ".join(without_credentials(text).split())
    return HttpResponse(f"{said}\n", status=status, headers=headers, content_type="text/plain; charset=utf-8")


def _has_token(request: HttpRequest) -> bool:
    token = metrics_token()
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token is None or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())


def _may_see(request: HttpRequest) -> bool:
    """Tell whether one of the staff asks who may see the page.

    Raises:
        DatabaseUnreachable: the database that would say who asks does not answer.
    """
    try:
        user = getattr(request, "user", None)
        return user is not None and user.is_staff and may(user, SEE)
    except Error as error:  # its text is for those who have shown who they are
        raise DatabaseUnreachable("The database that tells who is logged in does not answer.") from error


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Tell that this process answers; no database is asked."""
    return JsonResponse({"state": "alive"})


@outside_request_transactions
@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Tell whether what is written here is logged: LOCAL can be reached, and its tables and triggers fit.

    Anybody may ask, so nothing is said of names and addresses.
    """
    trouble = why_not_ready()
    told = {"state": "not ready", "trouble": trouble} if trouble else {"state": "ready"}
    return JsonResponse(told, status=503 if trouble else 200)
