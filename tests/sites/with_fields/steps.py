"""Parcels that are made, weighed, priced and thrown away."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from djmoney.contrib.exchange.models import ExchangeBackend, Rate
from djmoney.money import Money

from tests.sites.with_fields.models import Diary, HeavyParcel, Label, Parcel

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A parcel, and what a dollar costs."""
    Parcel.objects.create(name="old", price=Money("9.99", "EUR"))
    ExchangeBackend.objects.create(name="bank", base_currency="EUR")
    Rate.objects.create(currency="USD", value=Decimal("1.25"), backend_id="bank")


def create(who: str) -> None:
    """Parcels of both kinds, with labels."""
    first = Parcel.objects.create(name=f"first of {who}", price=Money("1.50", "USD"))
    second = HeavyParcel.objects.create(name=f"second of {who}", weight=7)
    for parcel in (first, second):
        note = f"short\n<!-- split -->\n{who}"
        Label.objects.create(text=f"label of {parcel.name}", parcel=parcel, note=note)
    Rate.objects.create(currency={"office": "CHF", "main": "SEK"}[who], value=Decimal("0.5"), backend_id="bank")


def change(who: str) -> None:
    """Parcels of the other side are weighed and priced, and a label is hidden."""
    for parcel in Parcel.objects.filter(name__endswith=f" of {OTHER[who]}").select_subclasses():
        parcel.weigh()
        parcel.price = Money(Decimal(2), "EUR")
        parcel.save()
    Label.objects.get(text=f"label of first of {OTHER[who]}").delete()


def remove(who: str) -> None:
    """One goes."""
    Parcel.objects.get(name=f"second of {OTHER[who]}").delete()
    Label.all_objects.get(text=f"label of first of {OTHER[who]}").delete(soft=False)


def told() -> dict[str, Any]:
    """Return all that is known of each parcel."""
    parcels = {
        parcel.name: [
            type(parcel).__name__,
            str(parcel.price),
            parcel.price_currency,
            parcel.state,
            parcel.status,
            parcel.moves,
            [str(parcel.created), str(parcel.modified), str(parcel.sent_at), str(parcel.status_changed)],
            getattr(parcel, "weight", None),
        ]
        for parcel in Parcel.objects.select_subclasses()
    }
    labels = sorted(
        f"{each.pk} {each.text} {each.note.excerpt} {each.note.has_more} {each.parcel and each.parcel.name}"
        for each in Label.available_objects.all()
    )
    rates = sorted(f"{each.currency} {each.value}" for each in Rate.objects.all())
    return {**parcels, "labels": labels, "rates": rates, "diary": sorted(each.text for each in Diary.objects.all())}
