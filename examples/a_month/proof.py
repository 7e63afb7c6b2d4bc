"""What a place holds, in words that are the same wherever the same is held, and how far its log goes back."""

from __future__ import annotations

import datetime

from django.db.models import Count, Max, Min
from shop.models import Article, Customer, Order

from synchro_triggers.models import ChangeLog


def contents() -> list[str]:
    """Return each object of this place in words, without its key, which is the place's own."""
    said = [f"article {each.code}: {each.name}, {each.price}" for each in Article.objects.all()]
    said += [f"customer {each.email}: {each.phone}" for each in Customer.objects.all()]
    for order in Order.objects.select_related("customer").prefetch_related("lines__article"):
        said.append(f"order {order.number} of {order.customer}: {', '.join(sorted(map(str, order.lines.all())))}")
    return sorted(said)


def orders() -> set[str]:
    return set(Order.objects.values_list("number", flat=True))


def log() -> tuple[int, int, datetime.datetime | None]:
    """Return how many rows the log holds, the number of the newest one, and when the oldest one was written."""
    found = ChangeLog.objects.aggregate(rows=Count("id"), newest=Max("id"), oldest=Min("logged_at"))
    return found["rows"], found["newest"] or 0, found["oldest"]
