"""Each operation of a migration, on one side first, with writers on both meanwhile: what happens until both have it.

A row of the table in docs/how-to/migrations.md is a test here, with real migrations. The code is that of the side from
which runs are started: LOCAL's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, migrations, models

from synchro_triggers import Refused, compare, synchronize
from synchro_triggers.capture import install
from synchro_triggers.capture.vendor import columns_of, obliging_columns
from synchro_triggers.models import Failure
from synchro_triggers.replay import follow
from synchro_triggers.replay.follow import Follower
from tests.databases import both_committed
from tests.safety.apart import LOCAL, REMOTE, execute, model, on
from tests.testapp.models import Item

pytestmark = both_committed


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        operations: what the migration does.
        here_first, there_first: what is refused meanwhile, as a pattern; ``""``: runs go on.
        write: writes into what is new, on the side that has it.
        holds: tells of a database whether what was written has come.
    """

    operations: Callable[[], list[Any]]
    here_first: str = ""
    there_first: str = ""
    write: Callable[[str], None] = lambda alias: None
    holds: Callable[[str], bool] = lambda alias: True


def adding(kind: type[Any] = models.IntegerField, **options: Any) -> Callable[[], list[Any]]:
    preserve = options.pop("preserve_default", True)
    return lambda: [migrations.AddField("thing", "colour", kind(**options), preserve_default=preserve)]


def paint(alias: str) -> None:
    on(alias).filter(name="thing 0").update(colour=7)


def is_painted(alias: str) -> bool:
    return list(on(alias).filter(name="thing 0").values_list("colour", flat=True)) == [7]


def point(alias: str) -> None:
    on(alias).filter(name="thing 0").update(owner=on(alias).get(name="thing 3"))


def points(alias: str) -> bool:
    return on(alias).get(name="thing 0").owner_id == on(alias).get(name="thing 3").pk


def fill_box(alias: str) -> None:
    on(alias, "Box").create(name="box")


def has_box(alias: str) -> bool:
    return on(alias, "Box").filter(name="box").exists()


def befriend(alias: str) -> None:
    through = model().friends.through._base_manager.using(alias)
    through.create(from_thing=on(alias).get(name="thing 0"), to_thing=on(alias).get(name="thing 3"))


def are_friends(alias: str) -> bool:
    links = model().friends.through._base_manager.using(alias).values_list("from_thing__name", "to_thing__name")
    return list(links) == [("thing 0", "thing 3")]


def box() -> Any:
    return migrations.CreateModel(
        "Box", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=20))]
    )


def child() -> Any:
    link = models.OneToOneField("migapp.Thing", models.CASCADE, parent_link=True, primary_key=True)
    fields = [("thing_ptr", link), ("shade", models.CharField(max_length=20))]
    return migrations.CreateModel("Lamp", fields, bases=("migapp.thing",))


def make_child(alias: str) -> None:
    on(alias, "Lamp").create(name="lamp", weight=1, shade="red")


def has_child(alias: str) -> bool:
    return list(on(alias, "Lamp").values_list("name", "shade")) == [("lamp", "red")]


#: What a table is called once it was migrated.
NAMES = {"RenameModel": "migapp_older", "AlterModelTable": "elsewhere"}

PAINTED = {"write": paint, "holds": is_painted}
NO_NULL = "has colour, which takes no NULL and has no default"
ROWS = {
    "AddField, null": Row(adding(null=True), **PAINTED),
    "AddField, database default": Row(adding(db_default=3), **PAINTED),
    "AddField, default": Row(adding(default=3), there_first=NO_NULL, **PAINTED),
    "AddField, NOT NULL, no default": Row(
        adding(default=3, preserve_default=False), "'default' takes no new object without it", NO_NULL, **PAINTED
    ),
    "AddField, foreign key": Row(
        lambda: [migrations.AddField("thing", "owner", models.ForeignKey("self", models.SET_NULL, null=True))],
        write=point,
        holds=points,
    ),
    "AddField, many-to-many": Row(
        lambda: [migrations.AddField("thing", "friends", models.ManyToManyField("self", symmetrical=False))],
        write=befriend,
        holds=are_friends,
    ),
    "RemoveField, null": Row(lambda: [migrations.RemoveField("thing", "cash")]),
    "RemoveField, NOT NULL": Row(
        lambda: [migrations.RemoveField("thing", "weight")],
        "has weight, which takes no NULL and has no default",
        "has no weight, and 'default' takes no new object without it",
    ),
    "AlterField, type": Row(lambda: [migrations.AlterField("thing", "cash", models.BigIntegerField(null=True))]),
    "AlterField, null": Row(lambda: [migrations.AlterField("thing", "weight", models.IntegerField(null=True))]),
    "AlterField, max_length": Row(lambda: [migrations.AlterField("thing", "name", models.CharField(max_length=50))]),
    "RenameField": Row(
        lambda: [migrations.RenameField("thing", "cash", "money")],
        "has no money, and has cash, .*the same column by another name",
        "has no cash, and has money, .*the same column by another name",
    ),
    "CreateModel": Row(lambda: [box()], write=fill_box, holds=has_box),
    "CreateModel, child": Row(lambda: [child()], write=make_child, holds=has_child),
    "DeleteModel": Row(lambda: [migrations.DeleteModel("Old")]),
    "RenameModel": Row(lambda: [migrations.RenameModel("Old", "Older")]),
    "AlterModelTable": Row(lambda: [migrations.AlterModelTable("Old", "elsewhere")]),
    "AddConstraint": Row(
        lambda: [
            migrations.AddConstraint("thing", models.UniqueConstraint(fields=["name", "cash"], name="one_each")),
        ]
    ),
    "AddIndex": Row(lambda: [migrations.AddIndex("thing", models.Index(fields=["name"], name="by_name"))]),
}


ALL = ["changed here", "changed there", "made here", "made there", "thing 0", "thing 3"]
PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "migrations.md").read_text(encoding="utf-8")


@pytest.mark.django_db(databases=())
def test_table_of_the_page_has_these_rows():
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]

    said = {name.strip(" `"): [cell.strip().split(":")[0].split(";")[0] for cell in cells] for name, *cells in rows}

    assert said == {
        name: ["refused" if each else "goes on" for each in (row.here_first, row.there_first)]
        for name, row in ROWS.items()
    }


@pytest.mark.parametrize("first", [LOCAL, REMOTE])
@pytest.mark.parametrize("name", ROWS)
def test_each_operation(apart, name, first):
    row, second = ROWS[name], REMOTE if first == LOCAL else LOCAL
    apart.begin()
    apart.here.add_migration(*row.operations(), load=False)

    apart.migrate(first)
    row.write(first)
    apart.code("0002_step" if first == LOCAL else "0001_step")
    update(LOCAL, "thing 1", "changed here")
    update(REMOTE, "thing 2", "changed there")
    insert(LOCAL, "made here")
    insert(REMOTE, "made there")
    refusal = row.here_first if first == LOCAL else row.there_first
    if name in NAMES:
        execute(LOCAL, f"UPDATE {NAMES[name] if first == LOCAL else 'migapp_old'} SET name = 'x'")
    if refusal:
        with pytest.raises(Refused, match=refusal):
            synchronize(both=True)
    else:
        synchronize(both=True)
        assert names(LOCAL) == names(REMOTE) == ALL
    assert not Failure.objects.using(REMOTE).exists() and not Failure.objects.using(LOCAL).exists()

    apart.migrate(second)
    synchronize(both=True)
    report = synchronize(both=True)

    assert not (report.left_out or report.failures or report.warnings)
    assert row.holds(LOCAL) and row.holds(REMOTE)
    assert names(LOCAL) == names(REMOTE) == ALL
    assert compare().equal and not synchronize(both=True).changed


def update(alias: str, old: str, new: str) -> None:
    """Write as somebody does whose code fits the database."""
    execute(alias, "UPDATE migapp_thing SET name = %s WHERE name = %s", new, old)


def insert(alias: str, name: str) -> None:
    """Make a thing as the code does that fits the database."""
    there, table = connections[alias], "migapp_thing"
    obliging = obliging_columns(there, [table])[table] | (columns_of(there, [table])[table] & {"weight"})
    obliging -= {"id", "name"}
    columns, values = ["name", *sorted(obliging)], ["%s", *"1" * len(obliging)]
    execute(alias, f"INSERT INTO migapp_thing ({', '.join(columns)}) VALUES ({', '.join(values)})", name)


def names(alias: str) -> list[str]:
    return sorted(name for (name,) in execute(alias, "SELECT name FROM migapp_thing WHERE name <> 'lamp'"))


def test_follower_leaves_out_what_the_remote_lacks_and_brings_it_when_it_has_it(monkeypatch):
    monkeypatch.setattr(follow, "_REFRESH", 0)  # SQLite does not count what the follower's own connection has written
    install.uninstall(REMOTE)
    execute(REMOTE, "ALTER TABLE testapp_item DROP COLUMN cash")
    Item.objects.create(name="a", cash=1)
    reports = []

    def seen(remote: str, report: Any) -> None:
        reports.append([each.field for each in report.left_out])
        if len(reports) == 1:
            execute(REMOTE, "ALTER TABLE testapp_item ADD COLUMN cash integer DEFAULT 0 NOT NULL")
            Item.objects.create(name="b", cash=2)
        else:
            follower.stop()

    follower = Follower(REMOTE, interval=0.01, on_run=seen, on_problem=pytest.fail)
    follower.run()

    assert reports == [["cash"], []]
    assert sorted(Item.objects.using(REMOTE).values_list("name", "cash")) == [("a", 1), ("b", 2)]
