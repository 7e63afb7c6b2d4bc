"""A page for the staff: the last run, *Synchronize* and *Reset*."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.sites import site
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from ..api import call_synchronize, reset_synchro
from ..conf import Settings, get_settings, local_alias
from ..masking import without_credentials
from ..models import options
from .outside import outside_request_transactions
from .permissions import RESET, SEE, SYNCHRONIZE, may


@outside_request_transactions
@never_cache
@csrf_protect
@staff_member_required
@require_http_methods(["GET", "HEAD", "POST"])
def synchro(request: HttpRequest) -> HttpResponse:
    """Show the last run; on POST of ``synchro`` or ``reset`` do that, and show the result as a message.

    Raises:
        PermissionDenied: the user may not see the page, or not do that.
    """
    settings = get_settings()
    needed = {SEE, *(permission for name, permission in _NEEDED.items() if name in request.POST)}
    if not all(may(request.user, permission) for permission in needed):  # type: ignore[arg-type]
        raise PermissionDenied
    if request.method == "POST":
        _act(request, settings)
        return HttpResponseRedirect(request.get_full_path())
    context = {
        **site.each_context(request),
        "title": _("Synchronization"),
        "remotes": settings.remotes,
        "may_synchronize": may(request.user, SYNCHRONIZE),  # type: ignore[arg-type]
        "reset_allowed": settings.allow_reset and may(request.user, RESET),  # type: ignore[arg-type]
        **_last_run(settings),
    }
    return TemplateResponse(request, "synchro_triggers/synchro.html", context)


#: What may be pressed, and the permission that it needs.
_NEEDED = {"synchro": SYNCHRONIZE, "reset": RESET}


def _act(request: HttpRequest, settings: Settings) -> None:
    try:
        if "synchro" in request.POST:
            messages.success(request, call_synchronize(by=f"page: {request.user.get_username()}"))
        elif "reset" in request.POST and settings.allow_reset:
            reset_synchro()
            messages.success(request, _("Synchronization has been reset."))
        elif "reset" in request.POST:
            messages.error(request, _("Resetting is not allowed here (SYNCHRO_ALLOW_RESET)."))
    except Exception as error:  # whatever a receiver or a driver raises is for the user of this page to see
        if settings.debug:
            raise
        text = _("An error occurred: %(msg)s (%(type)s)")
        messages.error(request, text % {"msg": without_credentials(str(error)), "type": type(error).__name__})


def _last_run(settings: Settings) -> dict[str, object]:
    """Return the last run's time, or why it cannot be told: a remote that is down must not take the page away."""
    try:
        return {"last_run": options.last_check, "problem": ""}
    except Exception as error:
        if settings.debug:
            raise
        problem = str(error)
        if isinstance(error, (OperationalError, InterfaceError)):
            alias = next(iter(settings.remotes), local_alias())
            problem = _("The database “%(alias)s” cannot be reached: %(msg)s") % {"alias": alias, "msg": problem}
        return {"last_run": None, "problem": without_credentials(problem)}
