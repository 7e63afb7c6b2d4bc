"""Makes the databases of the demo in containers: tables, triggers, users, a shop. Again, it changes nothing."""

from __future__ import annotations

from decimal import Decimal

import django


def main() -> None:
    from django.core.management import call_command

    for alias in ("default", "main"):
        call_command("migrate", database=alias, verbosity=0)
    call_command("synchro_install_triggers", databases=["default", "main"])
    _open_the_shop()


def _open_the_shop() -> None:
    import prepare
    from django.contrib.auth.models import User
    from shop.models import Article, Customer

    if User.objects.exists():
        return
    for number, name in enumerate(prepare.TEAS):
        Article.objects.create(
            code=name.upper(), name=name, barcode=f"40012340{number:05}", price=Decimal("4.20") + number, stock=50
        )
    for number, name in enumerate(prepare.PEOPLE):
        Customer.objects.create(email=f"{name.lower()}@example.com", name=name, phone=f"555-{number + 11}")
    prepare.make_users()


if __name__ == "__main__":
    django.setup()
    main()
