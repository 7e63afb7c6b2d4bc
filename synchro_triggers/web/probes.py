"""What monitoring asks: metrics for Prometheus, and whether this process and its database are well."""

from __future__ import annotations

import hmac

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ..conf import get_settings
from ..exceptions import SynchroError
from ..masking import without_credentials
from ..replay.metrics.figures import read_figures
from ..replay.metrics.ready import why_not_ready
from .exposition import CONTENT_TYPE, exposition
from .metrics import metrics_of
from .outside import outside_request_transactions


@outside_request_transactions
@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell in Prometheus' text format where LOCAL and the remotes stand.

    Who asks gives the token of ``SYNCHRO_METRICS_TOKEN``, or is logged in and of the staff.
    """
    if not (_has_token(request) or _is_of_the_staff(request)):
        return HttpResponse(
            "Send SYNCHRO_METRICS_TOKEN as a bearer token, or log in as one of the staff.\n",
            status=401,
            headers={"WWW-Authenticate": 'Bearer realm="synchro"'},
            content_type="text/plain; charset=utf-8",
        )
    try:
        text = exposition(metrics_of(read_figures()))
    except SynchroError as error:
        said = without_credentials(str(error))
        return HttpResponse(f"{said}\n", status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(text, content_type=CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    token = get_settings().metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token is None or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())


def _is_of_the_staff(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_active and user.is_staff


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
