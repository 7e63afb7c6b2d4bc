"""What customers and the staff of a shop do."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now
from oscar.apps.order.utils import OrderNumberGenerator
from oscar.core.loading import get_model

Product, ProductClass, Category, ProductAttribute = (
    get_model("catalogue", name) for name in ("Product", "ProductClass", "Category", "ProductAttribute")
)
Partner, StockRecord, StockAlert = (get_model("partner", name) for name in ("Partner", "StockRecord", "StockAlert"))
Order, Line, ShippingEventType = (get_model("order", name) for name in ("Order", "Line", "ShippingEventType"))
Range, Condition, Benefit, Offer = (
    get_model("offer", name) for name in ("Range", "Condition", "Benefit", "ConditionalOffer")
)
Basket, Country, WishList = (
    get_model("basket", "Basket"),
    get_model("address", "Country"),
    get_model("wishlists", "WishList"),
)
Voucher, ProductAlert = get_model("voucher", "Voucher"), get_model("customer", "ProductAlert")


def main_begins() -> None:
    """A shop with a tree of categories, books on stock, a customer, and countries to send to."""
    User.objects.create_superuser("boss", "boss@example.com", "secret")
    User.objects.create_user("ann", "ann@example.com", "secret")
    Country.objects.create(iso_3166_1_a2="DE", iso_3166_1_a3="DEU", printable_name="Germany", is_shipping_country=True)
    book = ProductClass.objects.create(name="Book")
    ProductAttribute.objects.create(product_class=book, name="Pages", code="pages", type="integer")
    books = Category.add_root(name="Books")
    novels = books.add_child(name="Novels")
    Partner.objects.create(name="Warehouse", code="warehouse")
    for number, title in enumerate(("Demian", "Siddhartha", "Steppenwolf")):
        product(title, novels, number)
    ShippingEventType.objects.create(name="Sent")


def product(title: str, category: Any, number: Any) -> Any:
    """Put a book on stock."""
    found = Product(title=title, product_class=ProductClass.objects.get(), upc=f"upc{number}")
    found.attr.pages = 200
    found.save()
    found.categories.add(category)
    StockRecord.objects.create(
        product=found,
        partner=Partner.objects.get(code="warehouse"),
        partner_sku=f"sku{number}",
        price=Decimal("10.00"),
        num_in_stock=20,
        low_stock_threshold=19,
    )
    return found


def main_goes_on(name: str) -> None:
    """Main sells too, so that both sides give out the same numbers."""
    User.objects.create_user(f"of {name}", f"{name}@example.com", "secret")
    number = f"m{Product.objects.count()}"
    product(f"of {name}", Category.objects.get(name="Novels"), number)
    buy(f"of {name}", [f"of {name}"], "m")


def buy(username: str, titles: list[str], prefix: str) -> Any:
    """Buy books, through all pages of the checkout; each side has order numbers of its own."""
    OrderNumberGenerator.order_number = lambda self, basket: f"{prefix}{100000 + basket.id}"
    client = Client()
    client.force_login(User.objects.get(username=username), "oscar.apps.customer.auth_backends.EmailBackend")
    for title in titles:
        book = Product.objects.get(title=title)
        client.get(book.get_absolute_url())
        _see_other(client.post(f"/basket/add/{book.pk}/", {"quantity": 2}))
    address = {"first_name": "Ann", "last_name": "Ba", "line1": "Street 1", "line4": "Town", "postcode": "12345"}
    address |= {"country": "DE", "phone_number": "", "notes": ""}
    _see_other(client.post("/checkout/shipping-address/", address))
    client.get("/checkout/shipping-method/")
    client.get("/checkout/payment-method/")
    _see_other(client.post("/checkout/preview/", {"action": "place_order"}))
    return Order.objects.latest("pk")


def _see_other(answer: Any) -> None:
    assert answer.status_code == 302, answer.content.decode()[-3000:]


def sell() -> None:
    """An offer, an order with two lines that gets its discount, a wish list, a saved basket, an alert and a voucher."""
    novels, ann = Category.objects.get(name="Novels"), User.objects.get(username="ann")
    product("Siddhartha, signed", novels, "s")
    product("Mann", novels.add_sibling("right", name="Plays"), "p")
    everything = Range.objects.create(name="everything", includes_all_products=True)
    condition = Condition.objects.create(range=everything, type=Condition.COUNT, value=2)
    benefit = Benefit.objects.create(range=everything, type=Benefit.PERCENTAGE, value=10)
    offer = Offer.objects.create(name="two", condition=condition, benefit=benefit, offer_type=Offer.SITE)
    voucher = Voucher.objects.create(
        name="ten", code="TEN", start_datetime=now(), end_datetime=now() + datetime.timedelta(days=9)
    )
    voucher.offers.add(offer)
    order = buy("ann", ["Demian", "Siddhartha, signed"], "o")
    assert order.discounts.exists() and order.lines.count() == 2
    wishes = WishList.objects.create(owner=ann, name="to read")
    wishes.add(Product.objects.get(title="Steppenwolf"))
    wishes.add(Product.objects.get(title="Mann"))
    client = Client()
    client.force_login(ann, "oscar.apps.customer.auth_backends.EmailBackend")
    _see_other(client.post(f"/basket/add/{Product.objects.get(title='Mann').pk}/", {"quantity": 1}))
    ProductAlert.objects.create(product=Product.objects.get(title="Mann"), user=ann, status=ProductAlert.ACTIVE)
    review = {"title": "Good", "score": 5, "body": "Read it."}
    _see_other(client.post(f"{Product.objects.get(title='Demian').get_absolute_url()}reviews/add/", review))


def go_on() -> None:
    """Send an order, change prices and stock, move a category, end an offer, delete a wish and an offer."""
    order = Order.objects.get(number__startswith="o")
    order.set_status("Sent")
    event = order.shipping_events.create(event_type=ShippingEventType.objects.get())
    for line in order.lines.all():
        event.line_quantities.create(line=line, quantity=line.quantity)
        line.set_status("Sent")
    order.notes.create(message="by hand", user=User.objects.get(username="boss"))
    for record in StockRecord.objects.filter(product__title__in=["Demian", "Mann"]):
        record.price, record.num_in_stock = Decimal("12.00"), record.num_in_stock + 5
        record.save()
    Category.objects.get(name="Plays").move(Category.objects.get(name="Novels"), "first-child")
    WishList.objects.get().lines.get(product__title="Mann").delete()
    Offer.objects.get(name="two").delete()
    Voucher.objects.get().delete()
    Product.objects.get(title="Mann").reviews.all().delete()
    buy("ann", ["Steppenwolf"], "o")


def orders() -> dict[str, Any]:
    """Return what each order says of itself."""
    return {
        order.number: [
            order.user.username,
            order.status,
            str(order.total_incl_tax),
            str(order.shipping_address),
            sorted(
                f"{line.product.title} {line.quantity} {line.stockrecord.partner_sku}" for line in order.lines.all()
            ),
            sorted(f"{one.offer_name} {one.offer and one.offer.name} {one.amount}" for one in order.discounts.all()),
        ]
        for order in Order.objects.all()
    }


def stock() -> dict[str, list[Any]]:
    """Return of each product what is on stock, what of it is allocated, and how many alerts say that it is low."""
    return {
        record.product.title: [record.num_in_stock, record.num_allocated, str(record.price), record.alerts.count()]
        for record in StockRecord.objects.all()
    }


def categories() -> list[str]:
    """Return the tree of categories, and what treebeard says of it."""
    assert Category.find_problems() == ([], [], [], [], [])
    return [f"{category.depth} {category.full_name}" for category in Category.get_tree()]


def pages_open() -> None:
    """Open the pages of the shop and of its dashboard."""
    client = Client()
    client.force_login(User.objects.get(username="boss"), "oscar.apps.customer.auth_backends.EmailBackend")
    addresses = ["/catalogue/", "/dashboard/", "/dashboard/orders/", "/dashboard/catalogue/", "/dashboard/offers/"]
    addresses += [product.get_absolute_url() for product in Product.objects.all()]
    addresses += [f"/dashboard/orders/{order.number}/" for order in Order.objects.all()]
    for address in addresses:
        assert client.get(address, follow=True).status_code == 200, address
