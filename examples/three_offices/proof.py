"""What a place holds, in words that are the same wherever the same is held; and three of these beside one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

Contents = list[tuple[str, int]]


def contents() -> Contents:
    """Return each object of this place in words, with its key, which is the place's own."""
    from shop.models import Article, Customer, Order

    said: Contents = []
    for article in Article.objects.order_by("code"):
        labels = ", ".join(sorted(str(label) for label in article.labels.all()))
        text = f"{article.code}: {article.name}, {article.price}, {article.stock} in stock"
        said.append((f"{text}; {labels}" if labels else text, article.pk))
    for customer in Customer.objects.order_by("email"):
        text = f"{customer.email}: {customer.name}, {customer.phone}"
        note = " ".join(customer.note.splitlines())
        said.append((f"{text}; {note}" if note else text, customer.pk))
    for order in Order.objects.order_by("delivery", "customer__email"):
        lines = ", ".join(sorted(f"{line.quantity} {line.article.code}" for line in order.lines.all()))
        said.append((f"order of {order.customer.email} for {order.delivery}: {lines}", order.pk))
    return said


def side_by_side(places: Mapping[str, Contents]) -> tuple[list[str], int]:
    """Put what places hold beside one another.

    Args:
        places: what each one's :func:`contents` has returned.

    Returns:
        A line for each thing that any of them holds, with its key at each place, or ``-`` where it is not; and how many
        of these lines are not the same everywhere.
    """
    keys: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, found in places.items():
        for text, key in found:
            keys[text][place].append(key)
    width = max(map(len, keys), default=0)
    lines = [" " * width + "".join(f"{place:>8}" for place in places)]
    for text, held in keys.items():
        lines.append(f"{text:<{width}}" + "".join(f"{_numbers(held[place]):>8}" for place in places))
    return lines, sum(len({len(held[place]) for place in places}) > 1 for held in keys.values())


def _numbers(keys: list[int]) -> str:
    return ", ".join(f"#{key}" for key in keys) or "-"
