"""``examples/``: the stories end with the proof that all databases are equal, and with nothing less."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from urllib.parse import quote

import psycopg
import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "examples" / "three_offices"
MONTH = ROOT / "examples" / "a_month"
URLS = {
    "hub": "SYNCHRO_DEMO_MAIN_URL",
    "north": "SYNCHRO_DEMO_OFFICE_URL",
    "south": "SYNCHRO_DEMO_SECOND_OFFICE_URL",
}
#: As ``make demo-offices-postgres`` has them.
MIXED = ("hub", "north")

#: Tells the story up to its proof, and changes something before that of which no log knows.
WITH_A_LOSS = """
import sys
sys.path[:0] = sys.argv[1:3]
import demo
prove = demo.Story.prove
def lose_and_prove(story):
    getattr(story, sys.argv[3]).do("loss.lose")
    prove(story)
demo.Story.prove = lose_and_prove
demo.main()
"""
LOSS = """
from shop.models import Article
from synchro_triggers import synchro_paused
def lose():
    with synchro_paused():
        Article.objects.filter(code="MINT").update(stock=199)
"""

#: Leaves out all that goes wrong, and loses something before the proof of which no log knows.
MONTH_WITH_A_LOSS = """
import sys
sys.path[:0] = sys.argv[1:3]
import demo
Story, prove = demo.Story, demo.Story.prove
def lose_and_prove(story):
    getattr(story, sys.argv[3]).do("loss.lose")
    prove(story)
Story.lose_the_line = Story.fail_over = Story.restore_a_backup = Story.stay_away = lambda story: None
Story.prove = lose_and_prove
demo.main()
"""
LOSS_OF_A_MONTH = """
from shop.models import Article
from synchro_triggers import synchro_paused
def lose():
    with synchro_paused():
        Article.objects.filter(code="MOCHA").update(price=1)
"""


def url_of(server, database):
    password = f":{quote(server.password)}" if server.password else ""
    host = quote(server.host, safe="")
    return f"postgresql://{quote(server.user)}{password}@{host}:{server.port}/{database}"


@pytest.fixture
def on_postgres(request):
    """Return what makes databases for places; it returns the environment that leads there."""
    made = []

    def make(*places):
        if not places:
            return {}
        server = request.getfixturevalue("postgres_server")
        env = {}
        with server.connect() as connection:
            for place in places:
                made.append(f"three_offices_{os.getpid()}_{place}")
                connection.execute(f'CREATE DATABASE "{made[-1]}"')
                env[URLS[place]] = url_of(server, made[-1])
        return env

    yield make
    if made:
        with request.getfixturevalue("postgres_server").connect() as connection:
            for name in made:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def told(env, *arguments):
    """Tell the story in a process of its own."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCHRO_DEMO", "DJANGO_"))}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *(arguments or [str(FOLDER / "demo.py")])],
        env={**outside, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        timeout=600,
    )


def assert_ends_equal(done, places):
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr
    vendors = [f"{place} on {'PostgreSQL' if place in places else 'SQLite'}" for place in URLS]
    assert ", ".join(vendors) in done.stdout
    assert done.stdout.endswith("The three databases are equal.\n")
    for said in (
        "update/update; local stands (newest)",
        "create/create; local stands",
        "update/update; merged stands",
    ):
        assert said in done.stdout
    proof = done.stdout.split("The proof.")[1]
    assert len(re.findall(r"hub: 24 rows of 6 tables compared: equal", proof)) == 2
    assert "ASSAM: Assam, strong, 4.62, 158 in stock; organic" in proof
    assert "Ann's Café, 555-11; Closed on Mondays. Wants invoices by e-mail." in proof
    assert "Bistro Zoe, 555-33" in proof and "Zoe's Bistro" not in proof
    assert re.findall(r"exit code \d", done.stdout) == [f"exit code {code}" for code in (1, 1, 5, 5, 1)]


@pytest.mark.parametrize("places", [(), pytest.param(tuple(URLS), marks=pytest.mark.whole)], ids=["sqlite", "postgres"])
def test_three_offices_tell_their_story_and_end_equal(on_postgres, places):
    assert_ends_equal(told(on_postgres(*places)), places)


@pytest.mark.parametrize("place", ["hub", pytest.param("south", marks=pytest.mark.whole)])
def test_three_offices_do_not_end_well_where_something_was_lost_and_do_the_next_time(on_postgres, tmp_path, place):
    """Databases that are named may hold an earlier story, and one that has ended badly."""
    (tmp_path / "loss.py").write_text(LOSS)
    env = on_postgres(*MIXED)

    done = told(env, "-c", WITH_A_LOSS, str(FOLDER), str(tmp_path), place)

    assert done.returncode == 1 and done.stderr.startswith("The demo is broken: this command was to end with 0")
    assert "MINT" not in done.stdout.split("The proof.")[0] and "200' on" in done.stdout.split("The proof.")[1]
    assert "The three databases are equal." not in done.stdout
    assert_ends_equal(told(env), MIXED)


def test_contents_side_by_side_show_what_one_place_lacks_or_has_twice(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    side_by_side = import_module("proof").side_by_side
    here = [("ASSAM", 1), ("EARL", 2)]

    equal, none = side_by_side({"hub": here, "north": [("EARL", 5), ("ASSAM", 6)]})
    lines, different = side_by_side({"hub": here, "north": [("EARL", 5), ("EARL", 6)]})

    assert (equal[1].split(), none) == (["ASSAM", "#1", "#6"], 0)
    assert (lines[1].split(), lines[2].split(), different) == (["ASSAM", "#1", "-"], ["EARL", "#2", "#5,", "#6"], 2)


@pytest.mark.parametrize(
    "places", [(), MIXED, pytest.param(tuple(URLS), marks=pytest.mark.whole)], ids=["sqlite", "mixed", "postgres"]
)
def test_month_goes_wrong_as_it_says_and_ends_equal_with_small_logs(on_postgres, places):
    env = on_postgres(*places)

    done = told(env, str(MONTH / "demo.py"))

    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr
    vendors = [f"{place} on {'PostgreSQL' if place in places else 'SQLite'}" for place in URLS]
    assert ", ".join(vendors) in done.stdout
    assert done.stdout.endswith("The three databases are equal, and their logs are small.\n")
    assert re.findall(r"exit code \d", done.stdout) == [f"exit code {code}" for code in (5, 5, 3, 3, 3)]
    assert re.findall(r"^ +Day +(\d+)", done.stdout, re.MULTILINE) == [
        str(day) for day in range(2, 31) if day not in {6, 7, 8, 12, 16, 28}
    ]
    proof = done.stdout.split("The proof.")[1]
    assert len(re.findall(r"hub: \d+ rows of 4 tables compared: equal", proof)) == 2
    sizes = re.findall(r"has written ([\d,]+) rows, and keeps (\d+): the", proof)
    assert len(sizes) == 3 and all(0 < int(kept) < int(written.replace(",", "")) / 2 for written, kept in sizes)
    if "hub" in places:
        with psycopg.connect(env[URLS["hub"]]) as connection:
            copies = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE '%copy_of_the_demo'")
            assert copies.fetchall() == []


@pytest.mark.parametrize("place", ["hub", pytest.param("south", marks=pytest.mark.whole)])
def test_month_does_not_end_well_where_something_was_lost(tmp_path, place):
    (tmp_path / "loss.py").write_text(LOSS_OF_A_MONTH)

    done = told({}, "-c", MONTH_WITH_A_LOSS, str(MONTH), str(tmp_path), place)

    assert done.returncode == 1 and done.stderr.startswith("The demo is broken: this command was to end with 0")
    assert re.search(r"price: '1\.00' on|'1\.00' on 'hub'", done.stdout.split("The proof.")[1])
    assert "are equal" not in done.stdout
