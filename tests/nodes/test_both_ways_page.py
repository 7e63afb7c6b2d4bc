"""``docs/how-to/both-ways.md``: each line of its table is played, with each rule."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from synchro_triggers import Decision
from synchro_triggers.models import Conflict
from tests.conftest import ROOT
from tests.nodes.test_conflicts import PAIR
from tests.replay.hearing import later
from tests.testapp.models import Account, Entry, Item, Keyed, Tag, Tagged

PAGE = (ROOT / "docs" / "how-to" / "both-ways.md").read_text(encoding="utf-8")


def table_of(title):
    """Return the lines of a section's table, cell by cell; without the one below its head."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*", section, re.M)]
    return [lines[0], *lines[2:]]


HEAD, *ROWS = table_of("Who wins")
RULES = [name.strip("`") for name in HEAD[2:5]]


def change(nodes, name, cash):
    nodes.rows(name, Item).update(cash=cash)


def link(nodes, name, *, add):
    row, tag = nodes.rows(name, Tagged).get(), nodes.rows(name, Tag).get()
    row.tags.remove(tag)
    if add:
        row.tags.add(tag)


#: What the cells say, for a node and the value that it writes.
DONE = {
    "changed": change,
    "changed, to the same": lambda nodes, name, cash: change(nodes, name, 1),
    "deleted": lambda nodes, name, cash: nodes.rows(name, Item).all().delete(),
    "deleted the parent": lambda nodes, name, cash: nodes.rows(name, Account).all().delete(),
    "made a child of it": lambda nodes, name, cash: nodes.rows(name, Entry).create(name="new", account_id="parent"),
    "nothing": lambda nodes, name, cash: None,
    "made": lambda nodes, name, cash: nodes.rows(name, Keyed).create(code="x", cash=cash),
    "made, the same natural key": lambda nodes, name, cash: nodes.rows(name, Keyed).create(code="x", cash=cash),
    "made a link again": lambda nodes, name, cash: link(nodes, name, add=True),
    "removed the link": lambda nodes, name, cash: link(nodes, name, add=False),
}


def held(nodes, name, here):
    """Return what a node has of the object, or of the link, in the words of the table."""
    if "link" in here:
        linked = nodes.rows(name, Tagged.tags.through).exists()
        return "here's" if linked and here.startswith("made") else "there's" if linked else "deleted"
    if "parent" in here or "child" in here:
        hangs = nodes.rows(name, Entry).exists()
        assert hangs is nodes.rows(name, Account).exists()
        return "deleted" if not hangs else "here's" if here.startswith("made") else "there's"
    row = nodes.rows(name, Keyed if here.startswith("made") else Item).first()
    return "deleted" if row is None else {1: "here's", 2: "there's"}[row.cash]


BY_FIELD = table_of("By field")[1:]
FIELDS = {"phone": "name", "city": "visits"}


@pytest.mark.thinned("policy,row")
@pytest.mark.parametrize("policy", ["newest", "local", "remote"])
@pytest.mark.parametrize("row", BY_FIELD, ids=lambda row: f"{row[0]} - {row[1]}")
def test_line_of_the_table_by_field(nodes, settings, policy, row):
    settings.SYNCHRO_MERGE, settings.SYNCHRO_CONFLICT = "fields", policy
    here, there, result, kind = row
    nodes.rows("a", Entry).create(name="0", visits=0, account=nodes.rows("a", Account).create(name="x"))
    nodes.rounds(PAIR)
    same = "to the same" in there
    later()
    for at, cell, value in (("a", here, 1), ("b", there, 2)):
        for name in re.findall("phone|city", cell):
            nodes.rows(at, Entry).update(**{FIELDS[name]: 3 if same else value})
        later()
    nodes.rounds(PAIR)

    rules = 1 if policy == "local" else 2
    wanted = {"name": 0, "visits": 0}
    for said in result.split(", "):
        whose, name = said.rsplit(" ", 1)
        wanted[FIELDS[name]] = 3 if same else {"here's": 1, "there's": 2, "the rule's": rules, "that": 3}[whose]
    held = [nodes.rows(at, Entry).values_list("name", "visits").get() for at in "ab"]
    assert held == [(str(wanted["name"]), wanted["visits"])] * 2
    records = [record for at in "ab" for record in Conflict.objects.using(at)]
    assert [record.kind for record in records] == ([] if kind == "no" else [kind])


def test_table_is_there():
    assert len(BY_FIELD) == 4
    assert RULES == ["newest", "local", "remote"] and len(ROWS) == 12


@pytest.mark.thinned("rule,row")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} - {row[1]}")
def test_line_of_the_table(nodes, settings, rule, row):
    here, there, *results, kind = row
    settings.SYNCHRO_CONFLICT = rule
    nodes.rows("a", Item).create(name="shared", cash=0)
    nodes.rows("a", Tagged).create(title="t").tags.add(nodes.rows("a", Tag).create(label="l"))
    nodes.rows("a", Account).create(name="parent")
    nodes.rounds(PAIR)
    later()
    DONE[here](nodes, "a", 1)
    later()
    DONE[there](nodes, "b", 2)
    later()

    nodes.rounds(PAIR, 1)

    wanted = dict(zip(RULES, results, strict=True))[rule]
    assert [held(nodes, name, here) for name in "ab"] == [wanted] * 2
    found = [each.kind for name in "ab" for each in Conflict.objects.using(name)]
    expected = [] if kind == "no" else [kind]
    if "child" in kind and wanted == "deleted":  # what is lost is on record too
        expected.append({"delete/child": "delete/update", "child/delete": "update/delete"}[kind])
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("local", "remote", "changed", "decided"),
    [
        (None, {"note": "x"}, None, Decision.REMOTE),
        ({"note": "x"}, {"note": "a"}, {"note"}, Decision.merged({"note": "a / x"})),
        ({"note": "x"}, {"note": "a"}, {"note", "price"}, Decision.REMOTE),
    ],
)
def test_rule_of_the_page(local, remote, changed, decided):
    [code] = re.findall(r"```python\n(from synchro_triggers import .*?)```", PAGE, re.DOTALL)
    names = {}
    exec(compile(code, "both-ways.md", "exec"), names)

    met = SimpleNamespace(local=local, remote=remote, local_changed=changed, local_at=1, remote_at=2)

    assert names["prices_and_notes"](met) == decided
