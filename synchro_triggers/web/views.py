"""The page: where all stand, and what may be done about it without a shell."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from ..api import reset_synchro
from ..capture.tables import captured_models
from ..conf import LOCAL, Settings, get_settings, required_remotes
from ..exceptions import SynchroConfigurationError, SynchroError
from ..masking import without_credentials
from ..models import Run
from ..reaching import answered_within, clear_errors
from ..replay.report import Told, describe_told
from ..replay.status.remote import pending_rows
from .address import explanation_address
from .admin_site import admin_site
from .cards import ANSWERS_WITHIN, Overview, read_overview
from .drawing import HEIGHT, WIDTH
from .outside import outside_request_transactions
from .parts import describe_error, make_part
from .permissions import RESET, SEE, SYNCHRONIZE, may, may_see_values
from .work import Kind, OutOfDate, Work, begin, read_work

#: What may be pressed by those who may synchronise; the first is django-synchro's.
_PRESSED: tuple[Kind, ...] = ("synchro", "retry", "dry_run", "compare")


@outside_request_transactions
@never_cache
@csrf_protect
@staff_member_required
@require_http_methods(["GET", "HEAD", "POST"])
def synchro(request: HttpRequest) -> HttpResponse:
    """Show where all stand; on POST do a part of what was pressed, and show how far it has come, or the result.

    Raises:
        PermissionDenied: the user may not see the page, or not do that.
    """
    settings = get_settings()
    _require(request, SEE)
    if request.method != "POST":
        overview = _overview(request, settings)
        return _show(
            request, "synchro", overview=overview, settings=settings, **_asked_about_objects(request, settings)
        )
    if "reset" in request.POST:
        _require(request, RESET)
        return _reset(request, settings)
    try:
        work = _asked_for(request)
    except OutOfDate:
        messages.warning(request, _("What this page has sent is out of date. Nothing was done; begin again."))
        return _back(request)
    except SynchroConfigurationError as error:
        if settings.debug:
            raise
        messages.error(request, describe_error(error))
        return _back(request)
    return _back(request) if work is None else _go_on(request, work)


def _overview(request: HttpRequest, settings: Settings) -> Overview:
    return read_overview(settings, with_values=may_see_values(request.user))


def _asked_about_objects(request: HttpRequest, settings: Settings) -> dict[str, Any]:
    """Return what the form wants that asks for one object; nothing where there is no page that answers it."""
    address = explanation_address() if may_see_values(request.user) else ""
    labels = sorted(model._meta.label for model in captured_models(settings.models)) if address else []
    return {"explain_address": address, "models": labels}


def _require(request: HttpRequest, permission: str) -> None:
    if not may(request.user, permission):
        raise PermissionDenied


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(request.get_full_path())


def _show(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    settings = get_settings()
    context = {
        **admin_site().each_context(request),
        "title": pgettext("synchro", "Synchronization"),
        "may_synchronize": may(request.user, SYNCHRONIZE),
        "may_reset": settings.allow_reset and may(request.user, RESET),
        "width": WIDTH,
        "height": HEIGHT,
        **context,
    }
    return TemplateResponse(request, f"synchro_triggers/{name}.html", context)


# What runs in parts -------------------------------------------------------------------------------


def _asked_for(request: HttpRequest) -> Work | None:
    """Return what was pressed, or what goes on; ``None``: no button was.

    Raises:
        OutOfDate: what goes on is not to be read.
        SynchroConfigurationError: there is no such remote, or none at all.
    """
    user = str(request.user.pk)
    if "work" in request.POST:
        _require(request, SYNCHRONIZE)
        work = read_work(request.POST["work"], user)
        if set(work.left) - set(get_settings().remotes):  # the settings are others now
            raise OutOfDate
        return work
    for kind in _PRESSED:
        if kind in request.POST:
            _require(request, SYNCHRONIZE)
            remotes = _remotes_named(request.POST.get("remote", ""))
            _note(request, kind, remotes)
            return begin(kind, user, remotes, with_values=may_see_values(request.user))
    return None


def _remotes_named(alias: str) -> tuple[str, ...]:
    """Return the remote that a browser names, else all of them: no other database, and no word of which there are.

    Raises:
        SynchroConfigurationError: it is none of ``SYNCHRO_REMOTE``, or there is none at all.
    """
    if alias and alias not in get_settings().remotes:
        raise SynchroConfigurationError(f"{alias!r} is none of the remotes that SYNCHRO_REMOTE names.")
    return required_remotes(alias or None)


def _go_on(request: HttpRequest, work: Work) -> HttpResponse:
    """Do a part of it; a script is told how far it has come, people see it, or the result."""
    is_script = request.headers.get("Accept") == "application/json"
    make_part(work, f"page: {request.user.get_username()}")
    if is_script:
        return JsonResponse(
            {
                "work": work.as_text(),
                "done": work.part_done,
                "text": _describe(work),
                "waits": bool(work.waits),
                "finished": work.is_finished,
            }
        )
    if not work.is_finished:
        return _show(request, "work", work=work, said=_describe(work))
    if work.kind in {"dry_run", "compare"}:
        return _show(request, work.kind, work=work)
    _tell(request, work)
    return _back(request)


def _describe(work: Work) -> str:
    """Return how far it has come, in words."""
    if work.is_finished:
        return _("Done.")
    if work.waits:
        return _("“%(remote)s” waits: %(why)s") % {"remote": work.remote, "why": work.waits}
    if work.looked.is_under_way:
        text = _("“%(remote)s”: %(total)s changes wait. Looking through them before any is written: %(percent)s %%.")
    elif work.kind == "compare":
        text = _("“%(remote)s”: %(done)s of %(total)s models are compared.")
    else:
        text = _("“%(remote)s”: %(done)s of %(total)s changes are done.")
    percent = int(100 * work.looked.part)
    return text % {"remote": work.remote, "done": work.done, "total": work.total, "percent": percent}


def _tell(request: HttpRequest, work: Work) -> None:
    """Say what a run has come to, on the next page."""
    levels = {"success": messages.success, "warning": messages.warning, "error": messages.error}
    for kind, (number, names) in sorted(work.told.items()):
        more = ", …" if number > len(names) else ""
        messages.warning(request, f"{describe_told(Told(kind), number)}: {', '.join(names)}{more}")
    for level, text in work.said:
        levels[level](request, text)
    if any(level == "error" for level, _text in work.said):
        return
    if work.changed:
        messages.success(request, _("Synchronization performed successfully."))
    else:
        messages.success(request, _("No changes since last synchronization."))


# Reset --------------------------------------------------------------------------------------------


def _reset(request: HttpRequest, settings: Settings) -> HttpResponse:
    if not settings.allow_reset:
        messages.error(request, _("Resetting is not allowed here (SYNCHRO_ALLOW_RESET)."))
        return _back(request)
    alias = request.POST.get("remote", "")
    try:
        remotes = _remotes_named(alias) if alias else settings.remotes
        if "confirmed" not in request.POST:
            return _show(request, "reset", remote=alias, waiting=[_waiting(each) for each in remotes])
        with answered_within(ANSWERS_WITHIN, *settings.remotes), clear_errors(LOCAL, *settings.remotes):
            reset_synchro(alias or None)
    except Exception as error:  # whatever a driver raises is for the user of this page to see
        if settings.debug:
            raise
        messages.error(request, describe_error(error))
        return _back(request)
    _note(request, "reset", remotes)
    messages.success(request, _("Synchronization has been reset."))
    return _back(request)


def _waiting(remote: str) -> dict[str, Any]:
    """Return how many changes wait for a remote, or why that cannot be told."""
    try:
        with answered_within(ANSWERS_WITHIN, remote), clear_errors(LOCAL, remote):
            return {"remote": remote, "rows": pending_rows(remote)}
    except SynchroError as error:
        return {"remote": remote, "error": without_credentials(str(error))}


def _note(request: HttpRequest, pressed: str, remotes: tuple[str, ...]) -> None:
    """Write into the admin's own log who has pressed what."""
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        content_type=ContentType.objects.get_for_model(Run),
        object_repr=", ".join(remotes)[:200],
        action_flag=CHANGE,
        change_message=pressed,
    )
