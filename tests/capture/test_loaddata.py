"""A dump of everything is loaded while the triggers are there: what they log meanwhile does not run into it."""

from __future__ import annotations

from django.core.management import call_command

from synchro_triggers.models import ChangeLog
from tests.databases import both_committed
from tests.testapp.models import Item

pytestmark = both_committed


def test_dump_that_holds_the_log_is_loaded_and_what_is_loaded_is_logged(tmp_path):
    for name in "abc":
        Item.objects.create(name=name)
    dump = str(tmp_path / "all.json")
    call_command("dumpdata", "synchro_triggers", "testapp", output=dump, verbosity=0)
    written = dict(ChangeLog.objects.values_list("id", "object_pk"))
    call_command("flush", interactive=False, verbosity=0)

    call_command("loaddata", dump, verbosity=0)

    assert sorted(Item.objects.values_list("name", flat=True)) == ["a", "b", "c"]
    log = dict(ChangeLog.objects.values_list("id", "object_pk"))
    assert written.items() <= log.items() and len(log) >= 2 * len(written)
