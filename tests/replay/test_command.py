"""What the command prints, and the models that it takes."""

from __future__ import annotations

import gc
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import synchronize
from tests.databases import both
from tests.replay.hearing import REMOTE, receiving
from tests.testapp.models import (
    Account,
    Item,
    Numbered,
    Tag,
    Tagged,
)

pytestmark = both


def remote(model):
    return model._base_manager.using(REMOTE)


def run(**options):
    """Run the command; return what it printed."""
    out = StringIO()
    call_command("synchronize", stdout=out, stderr=out, **options)
    return out.getvalue()


def test_command_prints_the_message_and_a_table():
    Item.objects.create(name="a")

    printed = run()

    assert "Synchronization performed successfully." in printed
    [line] = [line for line in printed.splitlines() if line.startswith("testapp.Item")]
    assert line.split()[1:] == ["1", "-", "-", "-", "-", "-"]
    assert run() == "No changes since last synchronization.\n"


def test_command_prints_nothing_at_verbosity_0():
    Item.objects.create(name="a")

    assert run(verbosity=0) == ""
    assert remote(Item).exists()


def test_json_is_the_report():
    Item.objects.create(name="a")

    told = json.loads(run(as_json=True))

    assert told["changed"] is True and told["created"] == 1 and told["dry_run"] is False
    assert told["remotes"] == [REMOTE] and told["failures"] == []
    assert told["models"]["testapp.Item"]["created"] == 1
    assert json.loads(run(as_json=True))["changed"] is False


def test_json_of_a_run_with_failures_is_still_json(capsys):
    remote(Numbered).create(number=1)
    numbered = Numbered.objects.create(number=1)
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("synchronize", as_json=True, stdout=out)

    [failure] = json.loads(out.getvalue())["failures"]
    assert (failure["model"], failure["key"]) == ("testapp.Numbered", str(numbered.pk))
    assert "IntegrityError" in failure["error"]


def test_model_option_takes_only_that_model_and_leaves_the_rest_for_later():
    Item.objects.create(name="a")
    Account.objects.create(name="b")

    run(models=["testapp.Account"])
    assert (remote(Account).count(), remote(Item).count()) == (1, 0)
    report = synchronize()

    assert remote(Item).count() == 1
    assert report.models["testapp.Item"].created == 1
    assert report.models["testapp.Account"].created == 0


def test_model_option_may_be_given_several_times_and_spelt_as_in_the_setting():
    Item.objects.create(name="a")
    Account.objects.create(name="b")
    Numbered.objects.create(number=1)

    call_command("synchronize", "--model", "testapp.item", "--model", "testapp.ACCOUNT", verbosity=0)

    assert (remote(Item).count(), remote(Account).count(), remote(Numbered).count()) == (1, 1, 0)


def test_commands_and_functions_that_are_called_take_one_name_as_well_as_a_list():
    Item.objects.create(name="a")
    Account.objects.create(name="b")

    assert synchronize(models="testapp.Item", dry_run=True).created == 1
    run(model="testapp.Account")
    call_command("synchro_link", model="testapp.Item", stdout=StringIO())
    out = StringIO()
    call_command("synchro_install_triggers", "--check", database=REMOTE, stdout=out)

    assert remote(Account).exists() and not remote(Item).exists()
    assert out.getvalue() == f"{REMOTE}: triggers fit.\n"


def test_model_option_brings_the_models_own_links():
    Tagged.objects.create(title="t").tags.add(Tag.objects.create(label="x"))

    synchronize(models=["testapp.Tagged"])

    assert [tag.label for tag in remote(Tagged).get().tags.all()] == ["x"]


def collector():
    """Whether something is set aside from Python's collector of garbage, and how often it is called."""
    return gc.get_freeze_count() > 0, gc.get_threshold()


@pytest.mark.parametrize("call", [synchronize, run], ids=["function", "call_command"])
def test_a_run_in_somebody_elses_process_leaves_its_collector_of_garbage_alone(call):
    Item.objects.create(name="a")
    before, during = collector(), []

    def look(**kwargs):
        during.append(collector())

    with receiving("post_save", Item, look):
        call()

    assert during == [before]
    assert collector() == before
