"""What people do at a place: ordinary Django code, which names no database and knows of no synchronisation."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from django.db import transaction
from shop.models import Article, Customer, Line, Order

CODES = ("BOURBON", "CATURRA", "DECAF", "GEISHA", "MOCHA", "PACAMARA", "SANTOS", "TYPICA")
EMAILS = tuple(f"{name}@cafe.example" for name in ("ann", "bob", "cleo", "dan", "eva", "finn"))


def import_catalogue() -> None:
    Article.objects.bulk_create(
        [
            Article(code=code, name=f"{code.title()}, 1 kg", price=Decimal(20 + number))
            for number, code in enumerate(CODES)
        ]
    )
    Customer.objects.bulk_create([Customer(email=email, phone=f"555-{number}") for number, email in enumerate(EMAILS)])


@transaction.atomic
def take_order(number: str, email: str, **quantities: int) -> None:
    order = Order.objects.create(number=number, customer=Customer.objects.get(email=email))
    articles = {article.code: article for article in Article.objects.all()}
    Line.objects.bulk_create(
        [Line(order=order, article=articles[code], quantity=quantity) for code, quantity in quantities.items()]
    )


def cancel(numbers: Sequence[str]) -> list[str]:
    """Delete orders; return the numbers of those that were there."""
    found = list(Order.objects.filter(number__in=numbers))
    for order in found:
        order.delete()
    return [order.number for order in found]


def work_a_day(place: str, day: int) -> tuple[list[str], list[str]]:
    """Take three orders, change one, cancel one of three days ago, set a price and a phone number.

    Returns:
        The numbers of the orders that were taken, and of those that were cancelled.
    """
    chance = Random(f"{place} {day}")
    taken = [order_number(place, day, count) for count in (1, 2, 3)]
    for number in taken:
        quantities = {code: chance.randint(1, 9) for code in chance.sample(CODES, 2)}
        take_order(number, chance.choice(EMAILS), **quantities)
    Line.objects.filter(order__number=taken[0]).update(quantity=chance.randint(10, 20))
    cancelled = cancel([order_number(place, day - 3, chance.randint(1, 3))])
    Article.objects.filter(code=chance.choice(CODES)).update(price=Decimal(chance.randint(200, 400)) / 10)
    Customer.objects.filter(email=chance.choice(EMAILS)).update(phone=f"555-{day}-{place}")
    return taken, cancelled


def order_number(place: str, day: int, count: int) -> str:
    return f"{place[0].upper()}{day:02}-{count}"
