"""Views that must not be in a transaction of the request's."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse

View = Callable[[HttpRequest], HttpResponse]


def outside_request_transactions(view: View) -> View:
    """Keep ``ATOMIC_REQUESTS`` of every database away: a run commits batch by batch, which it could not inside one.

    Without ``using``, Django's decorator speaks of ``default`` alone.
    """
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(view)
    return view
