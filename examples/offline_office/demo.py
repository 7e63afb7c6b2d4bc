"""The story of django-synchro, told on real data: an office works offline, then synchronises.

Two SQLite files in a temporary folder, or the PostgreSQL databases of ``SYNCHRO_DEMO_MAIN_URL`` and
``SYNCHRO_DEMO_OFFICE_URL``. Run it with ``make demo`` or ``make demo-postgres``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

OFFICE, MAIN = "default", "remote"


def say(text: str = "") -> None:
    print(text, flush=True)


def prepare() -> None:
    """Make both databases, with the same objects under different keys, and install the triggers."""
    from django.core.management import call_command
    from world.loading import load_world

    for number, (alias, name) in enumerate(((MAIN, "main server"), (OFFICE, "office"))):
        refuse_foreign_tables(alias, name)
        call_command("migrate", database=alias, verbosity=0)
        call_command("flush", database=alias, interactive=False, verbosity=0)
        load_world(alias, shuffle=number)
    say("1. Main server and office start from the same import, in another order: same objects, other keys.")
    call_command("synchro_install_triggers", databases=[OFFICE, MAIN], verbosity=0)
    call_command("synchro_reset", interactive=False, verbosity=0)
    say("2. ./manage.py synchro_install_triggers: from now on both databases log their changes.")


def refuse_foreign_tables(alias: str, name: str) -> None:
    """A URL may name a database that is somebody's own: touch none but an empty one or the demo's."""
    from django.db import connections

    tables = {table for table in connections[alias].introspection.table_names()}
    foreign = {table for table in tables if not table.startswith(("world_", "synchro_", "django_"))}
    if foreign:
        sys.exit(f"The {name}'s database has tables that are not the demo's ({', '.join(sorted(foreign))}).")


def work_offline() -> None:
    """Change the office's database in every way there is."""
    from django.db import connection
    from world.models import Country, Currency, Note, Subdivision

    from synchro_triggers import synchro_paused

    say("3. The main server is down. The office works:")
    poland = Country.objects.get(code="PL")
    poland.name = "Rzeczpospolita Polska"
    poland.save()
    say("   ORM save()             Poland gets its own name")
    for number in range(3):
        Note.objects.create(country=poland, text=f"Call {number}")
    say("   ORM create()           three notes, which have no natural key")
    count = Subdivision.objects.filter(kind="Province").update(kind="province")
    say(f"   QuerySet.update()      {count} provinces in lower case, in one statement")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE world_currency SET name = upper(name) WHERE code LIKE 'X%'")
        say(f"   raw SQL                {cursor.rowcount} currencies in upper case")
    scotland = Subdivision.objects.get(code="GB-SCT")
    moved = scotland.parts.update(parent=None)
    say(f"   QuerySet.update()      {moved} parts of Scotland are on their own")
    deleted, _ = Country.objects.get(code="AQ").delete()
    gone, _ = Subdivision.objects.filter(country__code="SI").delete()
    say(f"   delete(), cascades     Antarctica, and {gone} Slovenian municipalities ({deleted + gone} rows)")
    poland.currencies.add(Currency.objects.get(code="EUR"))
    Country.objects.get(code="HR").currencies.clear()
    say("   many-to-many           Poland takes the euro, Croatia drops all its currencies")
    with synchro_paused():
        Country.objects.filter(code="CZ").update(name="Czech lands")
    say("   synchro_paused()       the Czech name, which the main server's staff will enter by themselves")


def work_on_main() -> None:
    """Meanwhile the main server is up again, and its own users work."""
    from world.models import Country

    from synchro_triggers import synchro_paused

    Country.objects.filter(code="FI").update(name="Finland (office)")
    Country.objects.using(MAIN).filter(code="FI").update(name="Suomi")
    with synchro_paused(using=MAIN):
        Country.objects.using(MAIN).filter(code="CZ").update(name="Czech lands")
    say("4. The main server is back. Its staff enter the Czech name, and rename Finland after the office did.")


def synchronise() -> None:
    """Run it, with receivers that print what they see on the remote."""
    from django.db.models.signals import m2m_changed, post_delete, post_save

    from synchro_triggers import synchronize

    seen: Counter[str] = Counter()

    def receive(signal_name: str) -> Any:
        def receiver(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
            kind = f"{signal_name} {kwargs.get('action') or ''}".strip()
            seen[kind] += 1
            if using == MAIN and seen[kind] == 1:
                created = f" created={kwargs['created']}" if "created" in kwargs else ""
                say(f"   {kind:<24} {sender.__name__} {instance} using={using!r}{created}")

        return receiver

    receivers = [(post_save, receive("post_save")), (post_delete, receive("post_delete"))]
    receivers.append((m2m_changed, receive("m2m_changed")))
    for signal, receiver in receivers:
        signal.connect(receiver)
    say("5. ./manage.py synchronize. The first signal of each kind on the remote:")
    report = synchronize()
    for signal, receiver in receivers:
        signal.disconnect(receiver)
    say(f"   ... {sum(seen.values())} signals in all, {report.seconds:.1f} s")
    say()
    columns = ("created", "updated", "deleted", "unchanged", "conflicts", "failed")
    say(f"   {'':<26}" + "".join(f"{column:>10}" for column in columns))
    for label, counts in sorted(report.models.items()):
        say(f"   {label:<26}" + "".join(f"{getattr(counts, column):>10}" for column in columns))
    say()
    if report.failures:
        sys.exit(f"   {len(report.failures)} objects failed: {report.failures}")
    say("   The conflict is Finland: the main server's change is newer and stays.")


def finish() -> None:
    """Take the conflict's winner over by hand, run once more, compare."""
    from comparing import compare
    from world.models import Country

    from synchro_triggers import synchro_paused, synchronize

    with synchro_paused():
        Country.objects.filter(code="FI").update(name=Country.objects.using(MAIN).get(code="FI").name)
    say("6. The office takes Finland's name over by hand (paused: it comes from there).")
    say(f"7. A second run: {'something to do?!' if synchronize().changed else 'nothing to do.'}")
    objects, links, differences = compare(OFFICE, MAIN)
    if differences:
        say(f"8. The databases differ in {len(differences)} places:")
        sys.exit("\n".join(f"   {line}" for line in differences[:20]))
    say(f"8. Both databases are equal: {objects} objects, {links} links compared.")


def main() -> None:
    import django

    django.setup()
    prepare()
    work_offline()
    work_on_main()
    synchronise()
    finish()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SYNCHRO_DEMO_FOLDER"] = folder
        main()
