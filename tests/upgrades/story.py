"""What the kept databases have been through, and what both sides have to hold in the end.

A story may change with a later version: each kept pair has its own end with it (``told.json``).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from tests import processes
from tests.pages import ROOT

ALIASES = ("default", "main")

_MODELS = """
import json, uuid
import django
django.setup()
from django.db import connections
from tests.upgrades.shop.models import *
from synchro_triggers.models import *
def on(model): return model.objects.using("main")
"""

#: What has met and is known on both sides. Keys differ, since the main server has a customer of its own first.
BEGIN = """
on(Customer).create(name="of main")
ann, bob, cid = (Customer.objects.create(name=name) for name in ("Ann", "Bob", "Cid"))
new, paid = (Label.objects.create(name=name) for name in ("new", "paid"))
for number in (1, 2, 3, 4):
    order = Order.objects.create(number=number, total=number, customer=ann)
    order.labels.add(new)
    Parcel.objects.create(id=uuid.UUID(int=number), order=order, packed_at="2026-01-02T03:04:05.678901Z")
"""

#: A conflict that is decided, and a delete that has arrived.
MEANWHILE = """
Order.objects.filter(number=1).update(total="10.50")
on(Order).filter(number=1).update(total="20.50")
Order.objects.get(number=4).delete()
"""

#: Two users give a number on both sides; only the office sends then, and keeps a failure.
CLASH = """
on(Order).create(number=50, total=1, customer=on(Customer).get(name="of main"))
Order.objects.create(number=50, total=2, customer=Customer.objects.get(name="Ann"))
"""

#: What has not been sent when the databases are kept: from both sides, also of the same object.
PENDING = """
Customer.objects.filter(name="Bob").update(name="Robert")
Customer.objects.get(name="Cid").delete()
five = Order.objects.create(number=5, total=5, customer=Customer.objects.get(name="Robert"))
five.labels.add(*Label.objects.all())
Order.objects.get(number=2).labels.set([Label.objects.get(name="paid")])
Parcel.objects.filter(order__number=3).update(packed_at=None)
Parcel.objects.get(order__number=1).delete()
on(Customer).create(name="Eve")
on(Order).filter(number=3).update(total=33)
Order.objects.filter(number=2).update(total=7)
on(Order).filter(number=2).update(total=8)
"""

#: What lets the kept failure go: one of the two orders gets another number.
CURE = "Order.objects.filter(number=50).update(number=51)"

#: What both sides hold after the next runs, and that cure.
END = {
    "customers": ["Ann", "Eve", "Robert", "of main"],
    "labels": ["new", "paid"],
    "orders": [
        [1, "10.50", "Ann", ["new"]],
        [2, "7.00", "Ann", ["paid"]],
        [3, "33.00", "Ann", ["new"]],
        [5, "5.00", "Robert", ["new", "paid"]],
        [50, "1.00", "of main", []],
        [51, "2.00", "Ann", []],
    ],
    "parcels": [[2, "2026-01-02 03:04:05.678901+00:00"], [3, "None"]],
}

_HELD = """
held = {}
for alias in ("default", "main"):
    orders = Order.objects.using(alias).order_by("number")
    held[alias] = {
        "customers": sorted(Customer.objects.using(alias).values_list("name", flat=True)),
        "labels": sorted(Label.objects.using(alias).values_list("name", flat=True)),
        "orders": [
            [each.number, str(each.total), each.customer.name, sorted(label.name for label in each.labels.all())]
            for each in orders
        ],
        "parcels": [
            [each.id.int, str(each.packed_at)] for each in Parcel.objects.using(alias).order_by("id")
        ],
    }
print(json.dumps(held))
"""

#: How much this package knows: of what may not get lost by an upgrade.
_KNOWN = """
tables = (Node, MetNode, ChangeLog, Checkpoint, Window, Knowledge, Reference, Failure, Conflict, Run)
known = {alias: {each.__name__: each.objects.using(alias).count() for each in tables} for alias in ("default", "main")}
known["ended"] = on(Reference).filter(ended__gt=0).count()
print(json.dumps(known))
"""

#: Columns that this package's tables have and its models do not, and the other way round.
_MISFITS = """
from django.apps import apps
misfits = {}
for alias in ("default", "main"):
    described = connections[alias].introspection.get_table_description
    with connections[alias].cursor() as cursor:
        misfits[alias] = [
            f"{model.__name__}.{column}"
            for model in apps.get_app_config("synchro_triggers").get_models()
            for column in sorted(
                {column.name for column in described(cursor, model._meta.db_table)}
                ^ {field.column for field in model._meta.local_concrete_fields}
            )
        ]
print(json.dumps(misfits))
"""


class Office:
    """The project on a pair of databases: each command is a process, as somebody types it.

    Args:
        databases: the settings of both aliases.
    """

    def __init__(self, databases: Mapping[str, Mapping[str, Any]]) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        outside = {name: value for name, value in os.environ.items() if not name.startswith("SYNCHRO_")}
        self._env = {
            **outside,
            "PYTHONPATH": path,
            "DJANGO_SETTINGS_MODULE": "tests.upgrades.settings",
            "SYNCHRO_TEST_DATABASES": json.dumps(databases),
        }

    def do(self, name: str, *options: str, code: int = 0) -> str:
        """Run a command, which has to end with ``code``; return what it says."""
        done = self.ended(name, *options)
        assert done.returncode == code, f"{name} {options} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def ended(self, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a command, and return how it ended."""
        return processes.run("-m", "django", name, *options, env=self._env)

    def write(self, code: str) -> Any:
        """Run a piece of the story; return what it prints, as JSON."""
        done = processes.run("-c", _MODELS + code, env=self._env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def held(self) -> dict[str, Any]:
        """Return what each side holds of the story's objects."""
        return dict(self.write(_HELD))

    def misfits(self) -> dict[str, list[str]]:
        """Return what of this package's tables is not as its models want it, on each side."""
        return dict(self.write(_MISFITS))

    def known(self) -> dict[str, Any]:
        """Return how many rows this package's tables have, on each side."""
        return dict(self.write(_KNOWN))


def tell(office: Office) -> None:
    """Let two empty databases become what is kept."""
    both = [f"--database={alias}" for alias in ALIASES]
    for each in both:
        office.do("migrate", each, "--verbosity=0")
    office.do("synchro_install_triggers", *both)
    office.write(BEGIN)
    office.do("synchronize", "--both")
    office.write(MEANWHILE)
    office.do("synchronize", "--both")
    office.write(CLASH)
    office.do("synchronize", code=1)
    office.write(PENDING)
