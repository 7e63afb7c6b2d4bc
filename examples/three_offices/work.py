"""What people do at a place: ordinary Django code, which names no database and knows of no synchronisation."""

from __future__ import annotations

import datetime
from decimal import Decimal

from django.db.models import F
from shop.models import Article, Customer, Label, Line, Order

_ARTICLES = (
    ("ASSAM", "Assam, strong", "3.90", 120),
    ("EARL", "Earl Grey", "4.10", 80),
    ("MINT", "Peppermint", "2.60", 200),
    ("SENCHA", "Sencha", "6.50", 40),
    ("CHAI", "Chai, old recipe", "3.20", 0),
)
_CUSTOMERS = (("ann@cafe.example", "Ann's Café", "555-01"), ("bob@hotel.example", "Bob's Hotel", "555-02"))


def import_catalogue(*, backwards: bool) -> None:
    """Load what all places begin with, in one order or the other: then the same objects have other keys."""
    order = -1 if backwards else 1
    Label.objects.bulk_create([Label(name=name) for name in ("loose", "organic")[::order]])
    Article.objects.bulk_create(
        [
            Article(code=code, name=name, price=Decimal(price), stock=stock)
            for code, name, price, stock in _ARTICLES[::order]
        ]
    )
    Customer.objects.bulk_create(
        [Customer(email=email, name=name, phone=phone) for email, name, phone in _CUSTOMERS[::order]]
    )
    Article.objects.get(code="SENCHA").labels.add(Label.objects.get(name="loose"))


def take_order(email: str, delivery: str, **quantities: int) -> None:
    order = Order.objects.create(
        customer=Customer.objects.get(email=email), delivery=datetime.date.fromisoformat(delivery)
    )
    articles = {article.code: article for article in Article.objects.all()}
    Line.objects.bulk_create(
        [Line(order=order, article=articles[code], quantity=quantity) for code, quantity in quantities.items()]
    )


def add_customer(email: str, name: str, phone: str) -> None:
    Customer.objects.create(email=email, name=name, phone=phone)


def write_note(email: str, text: str) -> None:
    customer = Customer.objects.get(email=email)
    customer.note = "\n".join(filter(None, [customer.note, text]))
    customer.save()


def change_phone(email: str, phone: str) -> None:
    Customer.objects.filter(email=email).update(phone=phone)


def change_price(code: str, price: str) -> None:
    Article.objects.filter(code=code).update(price=Decimal(price))


def move_stock(code: str, difference: int) -> None:
    Article.objects.filter(code=code).update(stock=F("stock") + difference)


def rename(code: str, name: str) -> None:
    Article.objects.filter(code=code).update(name=name)


def drop_article(code: str) -> None:
    Article.objects.get(code=code).delete()


def label(code: str, name: str) -> None:
    Article.objects.get(code=code).labels.add(Label.objects.get(name=name))


def raise_all_prices(*, percent: int) -> None:
    for article in Article.objects.all():
        article.price = (article.price * (100 + percent) / 100).quantize(Decimal("0.01"))
        article.save()
