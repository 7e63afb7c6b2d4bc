"""A side that is a migration behind: no command ends with what a driver says of a column or a table."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from synchro_triggers.capture import install
from synchro_triggers.models import Conflict, Reference
from tests.databases import ALIASES, both
from tests.test_every_command import EACH, prepare
from tests.testapp.models import Item, Tag

pytestmark = both

LOCAL, REMOTE = ALIASES

BEHIND = {
    "column": "ALTER TABLE testapp_item DROP COLUMN cash",
    "table": "ALTER TABLE testapp_item RENAME TO elsewhere",
}


def fall_behind(alias, what):
    install.uninstall(alias)
    with connections[alias].cursor() as cursor:
        cursor.execute(BEHIND[what])


@pytest.mark.thinned("*")
@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("what", BEHIND)
@pytest.mark.parametrize("command", EACH)
def test_no_command_ends_with_a_database_error(command, what, alias):
    item = prepare()
    command = command.replace("KEY", str(item.pk)).replace("CONFLICT", str(Conflict.objects.using(REMOTE).get().pk))
    fall_behind(alias, what)

    try:
        call_command(*command.split())
    except CommandError as error:
        assert "failed: " not in str(error) and "Database error" not in str(error)


@pytest.mark.thinned("*")
@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("what", BEHIND)
@pytest.mark.parametrize("options", ["", "--trust-keys", "--strangers", "--model testapp.Item"])
def test_linking_is_refused_in_one_line(options, what, alias):
    Item.objects.create(name="a")
    Item.objects.using(REMOTE).create(name="b")
    fall_behind(alias, what)

    with pytest.raises(CommandError) as refused:
        call_command("synchro_link", *options.split())

    assert refused.value.returncode == 3 and "\n" not in str(refused.value)
    assert "testapp_item" in str(refused.value) and f"`manage.py migrate --database {alias}`" in str(refused.value)
    assert not Reference.objects.using(REMOTE).exists()


@pytest.mark.parametrize("alias", ALIASES)
def test_linking_of_other_models_goes_on(alias):
    tag = Tag.objects.create(label="x")
    Tag.objects.using(REMOTE).create(pk=tag.pk, label="x")
    fall_behind(alias, "column")

    call_command("synchro_link", "--model", "testapp.Tag", verbosity=0)

    assert Reference.objects.using(REMOTE).get().local_pk == str(tag.pk)
