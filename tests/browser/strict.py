"""The site under test: a header that lets nothing inline run, and a count of the requests that are being answered."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

#: Nothing but what the site itself serves as a file; no inline script, style or handler, and no eval().
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Requests:
    """How many requests are being answered."""

    def __init__(self) -> None:
        self._lock, self.number = threading.Lock(), 0

    def add(self, one: int) -> None:
        with self._lock:
            self.number += one


under_way = Requests()


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Send the header with each answer."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path == "/favicon.ico":  # which every browser asks for, and hardly a project's page has
            return HttpResponse(status=204)
        under_way.add(1)
        try:
            response = get_response(request)
        finally:
            under_way.add(-1)
        response["Content-Security-Policy"] = POLICY
        return response

    return answer
