"""Loads the world from pycountry into one database."""

from __future__ import annotations

import random

import pycountry

from .models import Country, Currency, Subdivision

_EURO = tuple("AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split())  # noqa: SIM905  # shorter so


def load_world(alias: str, *, shuffle: int) -> None:
    """Import countries, currencies and subdivisions.

    Args:
        alias: the database.
        shuffle: seed of the order: two imports with different seeds give the same objects different keys.
    """
    random_ = random.Random(shuffle)

    def shuffled(things: object) -> list[object]:
        return random_.sample(list(things), len(things))  # type: ignore[call-overload, arg-type]

    Currency.objects.using(alias).bulk_create(
        Currency(code=currency.alpha_3, name=currency.name) for currency in shuffled(pycountry.currencies)
    )
    Country.objects.using(alias).bulk_create(
        Country(code=country.alpha_2, name=country.name) for country in shuffled(pycountry.countries)
    )
    _load_subdivisions(alias, shuffled(pycountry.subdivisions))
    _link_currencies(alias)


def _ids(model: type, alias: str) -> dict[str, int]:
    return dict(model.objects.using(alias).values_list("code", "pk"))  # type: ignore[attr-defined]


def _load_subdivisions(alias: str, subdivisions: list) -> None:
    countries = _ids(Country, alias)
    Subdivision.objects.using(alias).bulk_create(
        Subdivision(
            code=subdivision.code,
            name=subdivision.name,
            kind=subdivision.type,
            country_id=countries[subdivision.country_code],
        )
        for subdivision in subdivisions
    )
    parents = {subdivision.code: subdivision.parent_code for subdivision in subdivisions if subdivision.parent_code}
    ids = _ids(Subdivision, alias)
    children = list(Subdivision.objects.using(alias).filter(code__in=parents))
    for child in children:
        child.parent_id = ids.get(parents[child.code])
    Subdivision.objects.using(alias).bulk_update(children, ["parent"], batch_size=500)


def _link_currencies(alias: str) -> None:
    """Link each country to the currencies whose code starts with its own, and the euro countries to the euro."""
    currencies, countries = _ids(Currency, alias), _ids(Country, alias)
    pairs = [(countries[code[:2]], pk) for code, pk in currencies.items() if code[:2] in countries]
    pairs += [(countries[code], currencies["EUR"]) for code in _EURO]
    through = Country.currencies.through
    through.objects.using(alias).bulk_create(through(country_id=one, currency_id=other) for one, other in pairs)
