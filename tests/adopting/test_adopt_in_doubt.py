"""``synchro_adopt``: what it cannot take over, when it refuses, and which times it takes for pending."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from synchro_triggers import synchronize
from synchro_triggers.models import ChangeLog, Node, Reference
from tests.adopting.stories import BEGIN, adopt, adopted, remote
from tests.databases import both_committed
from tests.testapp.models import (
    Item,
)

pytestmark = [both_committed, pytest.mark.thinned("old")]


def test_rows_that_cannot_be_taken_over_are_named(old, move):
    old.do(
        BEGIN
        + """
Item.objects.create(name="new")
from django.contrib.contenttypes.models import ContentType
gone = ContentType.objects.create(app_label="shop", model="vanished")
ChangeLog.objects.create(content_type=gone, object_id="1", action=1)
Reference.objects.create(content_type=gone, local_object_id="1", remote_object_id="2")
unlisted = ContentType.objects.get_for_model(Unlisted)
ChangeLog.objects.create(content_type=unlisted, object_id="1", action=2)
item = ContentType.objects.get_for_model(Item)
for key in ("4711", "no number"):
    ChangeLog.objects.create(content_type=item, object_id=key, action=2)
    Reference.objects.create(content_type=item, local_object_id=key, remote_object_id=key)
ChangeLog.objects.create(content_type=item, object_id="4712", action=3)
ChangeLog.objects.create(content_type=item, object_id="4713", action=2)
"""
    )
    move()

    code, told = adopted()

    assert code == 1
    assert sorted((each["model"], each["key"]) for each in told["left"]) == [
        ("shop.vanished", "1"),
        ("testapp.Item", "4712"),
        ("testapp.Item", "4713"),
        ("testapp.Item", "no number"),
        ("testapp.Unlisted", "1"),
    ]
    assert told["models"]["shop.vanished"]["outdated"] == 1 and told["models"]["testapp.Item"]["outdated"] == 2
    code, said = adopt()
    assert code == 0, said  # told once: what was looked at is not looked at again
    assert synchronize().created == 1


def test_text_names_what_was_not_taken_over(old, move):
    old.do(
        BEGIN
        + """
from django.contrib.contenttypes.models import ContentType
ChangeLog.objects.create(content_type=ContentType.objects.get_for_model(Item), object_id="4711", action=2)
"""
    )
    move()

    code, said = adopt("--dry-run")

    assert code == 1
    assert said.splitlines()[0] == "Dry run: nothing was written."
    assert "remote: testapp.Item: 3 references taken over, 0 known before, 0 pending" in said
    assert "testapp.Item 4711: not taken over (changelog): it is not on 'default'" in said
    assert said.endswith("1 row was not taken over.")


@pytest.mark.thinned("old", "language")
@pytest.mark.parametrize("language", ["en", "pl", "de"])
def test_last_run_is_read_in_every_language_and_zone(old, move, language, settings):
    settings.TIME_ZONE = old.env["OLD_TIME_ZONE"] = "America/Chicago"
    settings.LANGUAGES = [(language, language)]
    old.env["OLD_LANGUAGES"] = json.dumps(settings.LANGUAGES)
    old.do(
        BEGIN
        + f"""
with translation.override("{language}"):
    options.last_check = timezone.now() - timezone.timedelta(minutes=1)
Item.objects.create(name="new")
"""
    )
    move()

    code, told = adopted()

    assert code == 0 and told["last_run"] is not None
    assert Item.objects.count() == 4 and told["models"]["testapp.Item"]["references"] == 3
    synchronize()
    assert remote(Item).filter(name="new").count() == 1 and remote(Item).count() == 5


def test_object_that_nobody_knows_is_doubled_by_nobody(old, move):
    old.do("""
        for alias in ("default", "remote"):
            Item(pk=1, name="imported").save_base(using=alias, raw=True)
        ChangeLog.objects.all().delete()
        item = Item.objects.get(); item.cash = 8; item.save()
    """)
    move()

    assert adopted()[0] == 0
    with pytest.raises(CommandError, match="synchro_link") as raised:
        call_command("synchronize", verbosity=0)

    assert raised.value.returncode == 3 and remote(Item).count() == 1


def test_both_apps_at_one_time_lose_and_double_nothing(old, move):
    old.do(BEGIN)
    move()
    old.do("""
        Item.objects.create(name="seen by both")
        Item.objects.get(name="first").delete()
        second = Item.objects.get(name="second"); second.cash = 7; second.save()
    """)
    assert ChangeLog.objects.count() == 3

    assert adopted()[0] == 0
    report = synchronize()

    assert (report.created, report.updated, report.deleted, report.failed) == (1, 1, 1, 0)
    assert sorted(remote(Item).values_list("name", "cash")) == [
        ("of the remote", 0),
        ("second", 7),
        ("seen by both", 0),
        ("third", 0),
    ]


@pytest.mark.parametrize(
    ("options", "remotes", "code", "said"),
    [
        ((), None, 2, "no remote to adopt for"),
        ((), ["remote", "other"], 2, "say which with --remote"),
        (("--remote", "nowhere"), "remote", 2, "nowhere"),
    ],
)
def test_it_must_be_known_whose_references_these_are(settings, monkeypatch, options, remotes, code, said):
    monkeypatch.setitem(settings.DATABASES, "other", settings.DATABASES["remote"])
    settings.SYNCHRO_REMOTE = remotes

    ended = adopt(*options)

    assert ended[0] == code and said in ended[1]


def test_references_of_one_remote_are_not_taken_for_those_of_another_one(old, move, settings, monkeypatch):
    old.do(BEGIN)
    move()
    monkeypatch.setitem(settings.DATABASES, "other", settings.DATABASES["remote"])
    settings.SYNCHRO_REMOTE = ["other", "remote"]

    assert adopted("--remote", "remote")[0] == 0
    Node.objects.update(adopted="5 the-node-of-the-other-one")
    code, said = adopt("--remote", "remote")

    assert code == 3 and "for another remote than 'remote'" in said and "synchro_link" in said


def test_database_that_django_synchro_has_never_seen_is_refused():
    code, said = adopt()

    assert (
        code == 3
        and "nothing of django-synchro's on 'default'" in said
        and "there is no table synchro_reference" in said
    )


def test_without_triggers_nothing_is_taken_over(old):
    old.do(BEGIN)

    code, said = adopt()

    assert code == 3 and "synchro_install_triggers" in said
    assert not remote(Reference).exists()
