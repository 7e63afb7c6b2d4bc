"""A project that moves has django-synchro's tables and ours side by side for a while."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections

from synchro_triggers.models import ChangeLog
from tests.testapp.models import Item

#: As django-synchro 0.5.1 makes them, with the indexes of its fields.
TABLES = """
CREATE TABLE synchro_changelog (id {serial}, content_type_id integer NOT NULL, object_id varchar(20) NOT NULL,
    date {time} NOT NULL, action smallint NOT NULL);
CREATE INDEX synchro_changelog_content_type_id ON synchro_changelog (content_type_id);
CREATE INDEX synchro_changelog_object_id ON synchro_changelog (object_id);
CREATE TABLE synchro_reference (id {serial}, content_type_id integer NOT NULL, local_object_id varchar(20) NOT NULL,
    remote_object_id varchar(20) NOT NULL, UNIQUE (content_type_id, local_object_id));
CREATE INDEX synchro_reference_content_type_id ON synchro_reference (content_type_id);
CREATE TABLE synchro_deletekey (id {serial}, changelog_id integer NOT NULL UNIQUE REFERENCES synchro_changelog (id),
    key varchar(200) NOT NULL);
INSERT INTO synchro_changelog (content_type_id, object_id, date, action) VALUES (1, '7', '2013-02-28 10:00:00', 1);
INSERT INTO synchro_reference (content_type_id, local_object_id, remote_object_id) VALUES (1, '7', '8');
"""

WORDS = {
    "sqlite": {"serial": "integer NOT NULL PRIMARY KEY AUTOINCREMENT", "time": "datetime"},
    "postgresql": {"serial": "serial NOT NULL PRIMARY KEY", "time": "timestamp with time zone"},
}


def query(alias, sql):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


def make_tables(alias):
    """Make django-synchro's tables, with a row that no object belongs to in its log, and in its references."""
    for sql in TABLES.format(**WORDS[connections[alias].vendor]).strip().rstrip(";").split(";\n"):
        query(alias, sql)


@pytest.fixture
def old_project(own, settings):
    """A database with django-synchro's tables, a table of the project's, and none of ours."""
    settings.INSTALLED_APPS = ["synchro_triggers", "tests.testapp"]
    settings.SYNCHRO_MODELS = ("testapp.Item",)
    migrate(own, "zero")
    make_tables(own)
    with connections[own].schema_editor() as editor:
        editor.create_model(Item)
    return own


def migrate(alias, *target):
    call_command("migrate", "synchro_triggers", *target, database=alias, verbosity=0)


def old_rows(alias):
    return [
        [tuple(map(str, row[1:3])) for row in query(alias, f"SELECT * FROM {table}")]
        for table in ("synchro_changelog", "synchro_reference", "synchro_deletekey")
    ]


def test_project_with_django_synchro_migrates_installs_and_logs(old_project):
    before = old_rows(old_project)

    migrate(old_project)
    call_command("synchro_install_triggers", databases=[old_project], verbosity=0)
    call_command("synchro_install_triggers", "--check", databases=[old_project], stdout=StringIO())
    Item.objects.using(old_project).create(name="a")

    assert ChangeLog.objects.using(old_project).get().model_label == "testapp.Item"
    assert old_rows(old_project) == before == [[("1", "7")], [("1", "7")], []]


def test_django_synchros_tables_outlive_ours(old_project):
    before = old_rows(old_project)
    migrate(old_project)
    call_command("synchro_install_triggers", databases=[old_project], verbosity=0)

    call_command("synchro_install_triggers", "--uninstall", databases=[old_project], verbosity=0)
    migrate(old_project, "zero")
    Item.objects.using(old_project).create(name="a")

    assert old_rows(old_project) == before
