"""A table that only one side has, by real migrations: the run goes on without its model, which follows later.

Users write on both sides meanwhile: they insert, update and delete. When both have the table, all of it is the same.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import migrations, models

from synchro_triggers import compare, synchro_paused, synchronize
from synchro_triggers.capture import install
from synchro_triggers.models import ChangeLog, Checkpoint, Failure
from synchro_triggers.replay import follow
from synchro_triggers.replay.columns import Columns
from synchro_triggers.replay.follow import Follower
from synchro_triggers.replay.pruning import prune
from tests.databases import both_committed
from tests.managing import in_process
from tests.safety.apart import LOCAL, REMOTE, execute, model, on
from tests.testapp.models import Item, Tag

pytestmark = both_committed


def key() -> Any:
    return models.BigAutoField(primary_key=True)


def name() -> Any:
    return models.CharField(max_length=20)


def pointing(to: str, **options: Any) -> Any:
    return models.ForeignKey(to, models.CASCADE, **options)


def begin(apart: Any, *operations: Any) -> None:
    """Let both sides have things, and objects that are going to be called otherwise, with what points to them."""
    apart.here.add_migration(
        migrations.CreateModel("Thing", [("id", key()), ("name", name())]),
        migrations.CreateModel("Old", [("id", key()), ("name", name()), ("cash", models.IntegerField(db_default=0))]),
        migrations.CreateModel("May", [("id", key()), ("name", name()), ("old", pointing("migapp.Old", null=True))]),
        migrations.CreateModel("Must", [("id", key()), ("name", name()), ("old", pointing("migapp.Old"))]),
        migrations.AddField("thing", "olds", models.ManyToManyField("migapp.Old")),
    )
    apart.begin_with("0001")
    for each in ("thing 0", "thing 1", "thing 2"):
        on(LOCAL).create(name=each)
    olds = [on(LOCAL, "Old").create(name=f"old {number}") for number in range(5)]
    on(LOCAL, "May").create(name="may", old=olds[0])
    on(LOCAL, "Must").create(name="must", old=olds[0])
    link = model().olds.through._base_manager.using(LOCAL)
    link.create(thing=on(LOCAL).get(name="thing 0"), old=olds[0])
    synchronize(both=True)
    apart.here.add_migration(*operations, load=False)


def report_of(*names: str, **options: Any) -> Any:
    report = synchronize(both=True, **options)
    assert not report.failures, report.failures
    assert {each.name for each in report.left_out} == set(names), report.left_out
    return report


def rows(alias: str, table: str) -> list[str]:
    return sorted(each for (each,) in execute(alias, f"SELECT name FROM {table}"))


def key_of(alias: str, table: str, value: str) -> Any:
    [[found]] = execute(alias, f"SELECT id FROM {table} WHERE name = %s", value)
    return found


def settled() -> None:
    """Both sides are equal, nothing is left out any more, and nothing is noted of it."""
    report = synchronize(both=True)
    assert not (report.left_out or report.failures or report.changed), report
    assert compare().equal
    for alias in (LOCAL, REMOTE):
        assert not Failure.objects.using(alias).exists()
        assert [each for each in Checkpoint.objects.using(alias).values_list("left_out", flat=True) if each] == []


@dataclass(frozen=True)
class Move:
    """A table that gets another name.

    Attributes:
        operation: of the migration.
        table, label: what table and model are called then.
    """

    operation: Callable[[], Any]
    table: str
    label: str


MOVES = {
    "RenameModel": Move(lambda: migrations.RenameModel("Old", "Older"), "migapp_older", "migapp.Older"),
    "AlterModelTable": Move(lambda: migrations.AlterModelTable("Old", "elsewhere"), "elsewhere", "migapp.Old"),
}


@pytest.mark.parametrize("first", [LOCAL, REMOTE])
@pytest.mark.parametrize("what", MOVES)
def test_table_by_two_names_with_writers_on_both_sides(apart, what, first):
    move, second = MOVES[what], REMOTE if first == LOCAL else LOCAL
    begin(apart, move.operation())
    table = {first: move.table, second: "migapp_old"}
    label = move.label if first == LOCAL else "migapp.Old"

    apart.migrate(first)
    apart.code("0002_step" if first == LOCAL else "0001_step")
    for alias in (LOCAL, REMOTE):
        execute(alias, f"INSERT INTO {table[alias]} (name) VALUES ('made on {alias}'), ('to go from {alias}')")
    synchronize(both=True)
    execute(LOCAL, f"UPDATE {table[LOCAL]} SET name = 'changed here' WHERE name = 'old 1'")
    execute(REMOTE, f"UPDATE {table[REMOTE]} SET name = 'changed there' WHERE name = 'old 2'")
    execute(LOCAL, f"DELETE FROM {table[LOCAL]} WHERE name IN ('old 3', 'to go from default')")
    execute(REMOTE, f"DELETE FROM {table[REMOTE]} WHERE name IN ('old 4', 'to go from remote')")
    new = key_of(LOCAL, table[LOCAL], "made on default")
    execute(LOCAL, f"INSERT INTO migapp_may (name, old_id) VALUES ('may, too', {new})")
    execute(LOCAL, "UPDATE migapp_thing SET name = 'changed here' WHERE name = 'thing 1'")
    report = synchronize(both=True)

    assert {each.name for each in report.left_out} >= {label, "migapp.May.old"}
    assert f"manage.py migrate --database {second if first == LOCAL else REMOTE}" in str(report.left_out)
    assert rows(REMOTE, "migapp_thing") == rows(LOCAL, "migapp_thing") == ["changed here", "thing 0", "thing 2"]
    assert rows(REMOTE, "migapp_may") == ["may", "may, too"]

    apart.migrate(second)
    synchronize(both=True)

    expected = ["changed here", "changed there", "made on default", "made on remote", "old 0"]
    assert rows(LOCAL, move.table) == rows(REMOTE, move.table) == expected
    [[there]] = execute(REMOTE, "SELECT old_id FROM migapp_may WHERE name = 'may, too'")
    assert there == key_of(REMOTE, move.table, "made on default")
    settled()


@pytest.mark.parametrize("first", [LOCAL, REMOTE])
@pytest.mark.parametrize("what", MOVES)
def test_what_has_to_point_there_waits_and_says_so(apart, settings, what, first):
    if what == "AlterModelTable":
        settings.SYNCHRO_OPTIONS = {"migapp.Old": {"natural_key": ("name",)}}
    move, second = MOVES[what], REMOTE if first == LOCAL else LOCAL
    begin(apart, move.operation())
    apart.migrate(first)
    apart.code("0002_step" if first == LOCAL else "0001_step")
    table = move.table if first == LOCAL else "migapp_old"
    execute(LOCAL, f"INSERT INTO {table} (name) VALUES ('new')")
    for each in ("old 1", "new"):
        execute(LOCAL, f"INSERT INTO migapp_must (name, old_id) VALUES ('to {each}', {key_of(LOCAL, table, each)})")

    failures = synchronize(both=True).failures
    assert {each.model for each in failures} == {"migapp.Must"} and len(failures) == 2
    assert all("is left out" in each.error and "migrate --database" in each.error for each in failures)

    apart.migrate(second)
    synchronize(both=True)
    assert rows(REMOTE, "migapp_must") == ["must", "to new", "to old 1"]
    settled()


@pytest.mark.parametrize("first", [LOCAL, REMOTE])
def test_links_of_a_renamed_end_follow(apart, first):
    begin(apart, MOVES["RenameModel"].operation())
    second = REMOTE if first == LOCAL else LOCAL
    apart.migrate(first)
    apart.code("0002_step" if first == LOCAL else "0001_step")
    ends = {first: "older_id", second: "old_id"}
    table = {first: "migapp_older", second: "migapp_old"}
    for alias, value in ((LOCAL, "old 1"), (REMOTE, "old 2")):
        thing, old = key_of(alias, "migapp_thing", "thing 1"), key_of(alias, table[alias], value)
        execute(alias, f"INSERT INTO migapp_thing_olds (thing_id, {ends[alias]}) VALUES ({thing}, {old})")
    execute(LOCAL, "DELETE FROM migapp_thing_olds WHERE thing_id = %s", key_of(LOCAL, "migapp_thing", "thing 0"))

    report = synchronize(both=True)
    assert "migapp.Thing_olds" in {each.name for each in report.left_out}

    apart.migrate(second)
    synchronize(both=True)
    for alias in (LOCAL, REMOTE):
        links = execute(
            alias,
            "SELECT t.name, o.name FROM migapp_thing_olds AS l JOIN migapp_thing AS t ON t.id = l.thing_id"
            " JOIN migapp_older AS o ON o.id = l.older_id ORDER BY 2",
        )
        assert [tuple(each) for each in links] == [("thing 1", "old 1"), ("thing 1", "old 2")]
    settled()


def test_key_of_it_in_another_column_waits_for_it(apart, settings):
    begin(
        apart,
        migrations.CreateModel("Note", [("id", key()), ("name", name()), ("old_no", models.IntegerField(null=True))]),
    )
    for alias in (LOCAL, REMOTE):
        apart.migrate(alias)
    settings.SYNCHRO_OPTIONS = {"migapp.Note": {"references": {"old_no": "migapp.Old"}}}
    apart.here.add_migration(MOVES["AlterModelTable"].operation(), load=False)
    apart.here.migrate("0003")
    apart.code("0003_step")
    for each in ("1", "2"):
        on(LOCAL, "Note").create(name=each, old_no=on(LOCAL, "Old").get(name=f"old {each}").pk)
    on(REMOTE, "Note").create(name="its own")

    failures = synchronize().failures
    assert len(failures) == 2 and all("migapp.Old is left out" in each.error for each in failures)

    apart.there.migrate("0003")
    apart.code("0003_step")
    synchronize()
    assert on(REMOTE, "Note").get(name="1").old_no == on(REMOTE, "Old").get(name="old 1").pk


def with_a_box() -> list[Any]:
    return [
        migrations.CreateModel(
            "Box", [("id", key()), ("name", name()), ("thing", pointing("migapp.Thing", null=True))]
        ),
        migrations.AddField("thing", "box", pointing("migapp.Box", null=True, related_name="+")),
        migrations.AddField("thing", "boxes", models.ManyToManyField("migapp.Box", related_name="+")),
    ]


@pytest.mark.parametrize("first", [LOCAL, REMOTE])
def test_new_table_with_all_that_points_to_it(apart, first):
    begin(apart, *with_a_box())
    second = REMOTE if first == LOCAL else LOCAL
    apart.migrate(first)
    for each in ("a", "b", "to go"):
        on(first, "Box").create(name=each, thing=on(first).get(name="thing 2"))
    on(first).filter(name="thing 0").update(box=on(first, "Box").get(name="a"))
    model().boxes.through._base_manager.using(first).create(
        thing=on(first).get(name="thing 1"), box=on(first, "Box").get(name="b")
    )
    apart.code("0002_step" if first == LOCAL else "0001_step")
    synchronize(both=True)
    execute(first, "DELETE FROM migapp_box WHERE name = 'to go'")
    execute(first, "UPDATE migapp_box SET name = 'c' WHERE name = 'b'")
    execute(second, "INSERT INTO migapp_thing (name) VALUES ('new')")
    # Whoever deletes does not know what points to it on the other side.
    synchronize(both=True)
    assert "new" in rows(LOCAL, "migapp_thing") and "new" in rows(REMOTE, "migapp_thing")

    apart.migrate(second)
    synchronize(both=True)

    assert rows(second, "migapp_box") == ["a", "c"]
    assert on(second).get(name="thing 0").box.name == "a"
    assert [each.name for each in on(second).get(name="thing 1").boxes.all()] == ["c"]
    settled()


def test_deleting_what_the_remotes_missing_table_could_point_to(apart):
    begin(apart, *with_a_box())
    apart.migrate(LOCAL)
    execute(LOCAL, "DELETE FROM migapp_thing WHERE name = 'thing 2'")

    report = synchronize()

    assert report.deleted == 1 and not report.failures and rows(REMOTE, "migapp_thing") == ["thing 0", "thing 1"]


def test_command_status_and_comparison_tell_of_it(apart):
    begin(apart, migrations.CreateModel("Box", [("id", key()), ("name", name())]))
    apart.migrate(LOCAL)
    for each in range(3):
        on(LOCAL, "Box").create(name=str(each))

    report = synchronize()

    [told] = report.left_out
    assert (told.model, told.field, told.objects) == ("migapp.Box", "", 3)
    assert told.reason == "'remote' has no table 'migapp_box': run `manage.py migrate --database remote`"
    assert [each.name for each in synchronize().left_out] == ["migapp.Box"]  # nothing new has come, they still differ
    assert json.loads(Checkpoint.objects.using(REMOTE).get().left_out)["migapp.Box"].keys() == {"*"}
    assert compare().left_out == {REMOTE: ("migapp.Box",)} and not compare().equal
    assert in_process("synchronize").returncode == 1
    compared, checked = in_process("synchro_compare"), in_process("synchro_status", "--check")
    assert compared.returncode == checked.returncode == 1
    assert "not both sides have the tables yet: migapp.Box" in compared.stdout
    assert "1 table is left out" in compared.stderr
    assert "columns or tables are left out (migapp.Box: 'remote' has no table 'migapp_box')" in checked.stdout

    apart.migrate(REMOTE)
    assert compare().left_out == {REMOTE: ("migapp.Box",)}
    assert [each.reason for each in synchronize(dry_run=True).left_out] == ["a run brings its objects now"]
    assert synchronize().created == 3
    settled()


def test_full_run_leaves_it_out_too_and_it_follows(apart):
    begin(apart, MOVES["RenameModel"].operation())
    apart.migrate(LOCAL)
    with synchro_paused():
        execute(LOCAL, "INSERT INTO migapp_older (name) VALUES ('not logged')")
    execute(LOCAL, "DELETE FROM migapp_older WHERE name = 'old 3'")

    left_out = {each.name for each in synchronize(full=True).left_out if not each.field}
    assert left_out == {"migapp.Older", "migapp.Thing_olds"}

    apart.migrate(REMOTE)
    synchronize()
    assert rows(REMOTE, "migapp_older") == ["not logged", "old 0", "old 1", "old 2", "old 4"]
    settled()


def test_log_is_kept_for_it_and_no_longer(apart):
    begin(apart, MOVES["RenameModel"].operation())
    apart.migrate(LOCAL)
    synchronize()
    execute(LOCAL, "DELETE FROM migapp_older WHERE name = 'old 3'")
    synchronize()
    prune(datetime.timedelta(0))

    assert ChangeLog.objects.filter(model_label="migapp.Older", operation="D").count() == 1

    apart.migrate(REMOTE)
    synchronize()
    assert "old 3" not in rows(REMOTE, "migapp_older")
    prune(datetime.timedelta(0))
    assert not ChangeLog.objects.filter(model_label="migapp.Older").exists()
    settled()


def test_pruned_log_is_told_of_and_every_object_is_looked_at(apart):
    begin(apart, MOVES["RenameModel"].operation())
    apart.migrate(LOCAL)
    execute(LOCAL, "UPDATE migapp_older SET name = 'changed' WHERE name = 'old 3'")
    synchronize()
    ChangeLog.objects.all()._raw_delete(LOCAL)
    execute(LOCAL, "UPDATE synchro_triggers_node SET pruned_to = 1000000")

    apart.migrate(REMOTE)
    report = synchronize()

    assert any("does not reach back" in text for text in report.warnings)
    assert "changed" in rows(REMOTE, "migapp_older")


@pytest.mark.parametrize("first", [LOCAL, REMOTE])
def test_counters_of_both_sides_add_up_afterwards(apart, settings, first):
    settings.SYNCHRO_OPTIONS = {"migapp.Old": {"counters": ("cash",)}}
    begin(apart, MOVES["AlterModelTable"].operation())
    apart.migrate(first)
    apart.code("0002_step" if first == LOCAL else "0001_step")
    for alias, more in ((LOCAL, 1), (REMOTE, 10)):
        execute(alias, f"UPDATE {'elsewhere' if alias == first else 'migapp_old'} SET cash = cash + {more}")
        synchronize(both=True)

    apart.migrate(REMOTE if first == LOCAL else LOCAL)
    synchronize(both=True)

    assert {cash for alias in (LOCAL, REMOTE) for cash in on(alias, "Old").values_list("cash", flat=True)} == {11}
    settled()


def test_run_that_is_cut_off_before_it_is_noted_begins_again(apart, monkeypatch):
    begin(apart, MOVES["AlterModelTable"].operation())
    apart.migrate(LOCAL)
    execute(LOCAL, "INSERT INTO elsewhere (name) VALUES ('new')")
    execute(LOCAL, "DELETE FROM elsewhere WHERE name = 'old 3'")
    synchronize()
    apart.migrate(REMOTE)

    def cut_off(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Columns, "forget", cut_off)
        with pytest.raises(KeyboardInterrupt):
            synchronize()
    assert "new" in rows(REMOTE, "elsewhere")
    execute(LOCAL, "DELETE FROM elsewhere WHERE name = 'new'")
    synchronize()

    assert rows(REMOTE, "elsewhere") == rows(LOCAL, "elsewhere") == ["old 0", "old 1", "old 2", "old 4"]
    settled()


def test_model_that_is_deleted_is_forgotten(apart):
    begin(apart, migrations.CreateModel("Box", [("id", key()), ("name", name())]))
    apart.migrate(LOCAL)
    on(LOCAL, "Box").create(name="a")
    synchronize(both=True)
    apart.here.add_migration(migrations.DeleteModel("Box"), load=False)
    for each in (apart.here, apart.there):
        each.migrate("0003")
    apart.code("0003_step")

    synchronize(both=True)
    settled()


def test_migration_that_is_taken_back_brings_the_objects_back(apart):
    apart.here.add_migration(migrations.CreateModel("Thing", [("id", key()), ("name", name())]))
    apart.here.add_migration(migrations.CreateModel("Box", [("id", key()), ("name", name())]))
    apart.begin_with("0002")
    for each in ("a", "b", "c"):
        on(LOCAL, "Box").create(name=each)
    synchronize(both=True)
    apart.there.migrate("0001")
    apart.code("0002_step")
    on(LOCAL, "Box").filter(name="a").update(name="changed")
    on(LOCAL, "Box").filter(name="b").delete()
    synchronize(both=True)
    apart.there.migrate("0002")
    apart.code("0002_step")

    synchronize(both=True)

    assert rows(REMOTE, "migapp_box") == rows(LOCAL, "migapp_box") == ["c", "changed"]
    settled()


def test_follower_leaves_it_out_and_brings_it_when_the_remote_has_it(monkeypatch):
    monkeypatch.setattr(follow, "_REFRESH", 0)  # SQLite does not count what the follower's own connection has written
    install.uninstall(REMOTE)
    execute(REMOTE, "ALTER TABLE testapp_item RENAME TO elsewhere")
    Item.objects.create(name="a")
    Tag.objects.create(label="t")
    reports = []

    def seen(remote: str, report: Any) -> None:
        reports.append([each.name for each in report.left_out])
        if len(reports) == 1:
            execute(REMOTE, "ALTER TABLE elsewhere RENAME TO testapp_item")
            Tag.objects.create(label="u")
        else:
            follower.stop()

    follower = Follower(REMOTE, interval=0.01, on_run=seen, on_problem=pytest.fail)
    follower.run()

    assert reports == [["testapp.Item"], []]
    assert Item.objects.using(REMOTE).get().name == "a" and Tag.objects.using(REMOTE).count() == 2
