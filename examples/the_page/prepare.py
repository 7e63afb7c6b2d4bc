"""Makes the databases of the demo, with all that the page has something to say about."""

from __future__ import annotations

import datetime
from decimal import Decimal

REMOTES = ("main", "warehouse")

TEAS = "Assam Ceylon Darjeeling Gunpowder Jasmine Keemun Lapsang Mate Oolong Rooibos Sencha Yunnan".split()  # noqa: SIM905
PEOPLE = "Ada Bea Cem Dora Emil Fritz Gina Hugo Ines Jan Kim Lea".split()  # noqa: SIM905  # shorter so

#: Names, passwords, and what each may do. ``None``: everything.
USERS = {
    "admin": None,
    "clara": ("view_changelog", "view_failure", "view_conflict", "view_run", "view_reference", "synchronize"),
    "victor": ("view_changelog", "view_failure", "view_conflict", "view_run", "view_reference"),
}
#: As what each is told of.
MAY = {
    "admin": "may do everything",
    "clara": "may look and synchronise, not reset, and decide no conflict",
    "victor": "may only look",
}
PASSWORD = "tea"


def prepare() -> None:
    """Make databases and users, then tell a month of the office."""
    from django.core.management import call_command

    for alias in ("default", *REMOTES):
        call_command("migrate", database=alias, verbosity=0)
    call_command("synchro_install_triggers", databases=["default", *REMOTES], verbosity=0)
    make_users()
    _open_the_shop()
    _work_for_weeks()
    _have_a_bad_day()
    _work_on()


def make_users() -> None:
    """Make those of ``USERS``."""
    from django.contrib.auth.models import Permission, User

    for name, codenames in USERS.items():
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True, is_superuser=codenames is None)
        permissions = Permission.objects.filter(codename__in=codenames or ())
        user.user_permissions.set(permissions)
        user.user_permissions.add(
            *Permission.objects.filter(content_type__app_label="shop", codename__startswith="view")
        )
    User.objects.get(username="clara").user_permissions.add(*Permission.objects.filter(content_type__app_label="shop"))


def _open_the_shop() -> None:
    from shop.models import Article, Customer

    for number, name in enumerate(TEAS):
        Article.objects.create(
            code=name.upper(), name=name, barcode=f"40012340{number:05}", price=Decimal("4.20") + number, stock=50
        )
    for number, name in enumerate(PEOPLE):
        Customer.objects.create(email=f"{name.lower()}@example.com", name=name, phone=f"555-{number + 11}")
    _synchronise("command")


def _work_for_weeks() -> None:
    """Make orders and synchronise, as a history for the page; then it is put back in time."""
    from shop.models import Article, Customer, Order

    articles, customers = list(Article.objects.all()), list(Customer.objects.all())
    for day in range(24):
        for number in range(1 + day * 7 % 11):
            article, customer = articles[(day + number) % 12], customers[(day * 5 + number) % 12]
            Order.objects.create(article=article, customer=customer, quantity=1 + number)
        Article.objects.filter(pk=articles[day % 12].pk).update(stock=50 - day)
        _synchronise("command" if day % 3 else "page: clara")
    _put_back_in_time()


def _put_back_in_time() -> None:
    from django.db.models import F

    from synchro_triggers.models import Run

    for remote in REMOTES:
        for ago, pk in enumerate(Run.objects.filter(remote=remote).order_by("-pk").values_list("pk", flat=True)):
            past = datetime.timedelta(days=ago + 1)
            Run.objects.filter(pk=pk).update(begun_at=F("begun_at") - past, ended_at=F("ended_at") - past)


def _have_a_bad_day() -> None:
    """Have a conflict, a clash over a barcode, and a customer without a phone number."""
    from shop.models import Article, Customer

    Customer.objects.filter(name="Ada").update(phone="555-99")
    Customer.objects.using("main").filter(name="Ada").update(phone="555-77")
    Customer.objects.create(email="zoe@example.com", name="Zoe")
    given = {"barcode": "4001234099999", "price": Decimal("5.00")}
    Article.objects.create(code="EARL", name="Earl Grey", **given)
    Article.objects.using("main").create(code="EARL-GREY", name="Earl Grey", **given)
    _synchronise("command")


def _work_on() -> None:
    """Leave something that waits."""
    from shop.models import Article, Customer, Order

    for article in Article.objects.order_by("code")[:5]:
        Order.objects.create(article=article, customer=Customer.objects.get(name="Hugo"), quantity=3)
    Article.objects.filter(code__lt="G").update(price=Decimal("4.90"))
    Customer.objects.filter(name="Kim").update(phone="555-50")


def _synchronise(by: str) -> None:
    from synchro_triggers import synchronize

    for remote in REMOTES:
        synchronize(remote, by=by)
