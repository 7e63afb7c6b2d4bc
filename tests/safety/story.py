"""What the safety tests write, and how they tell that nothing was lost and nothing came twice."""

from __future__ import annotations

import json
import random
import time
from collections import Counter

from synchro_triggers import synchronize
from synchro_triggers.models import Reference
from tests import processes
from tests.postgres_server import PostgresServer
from tests.processes import Process, start
from tests.testapp.models import Item, Node, Tag, Tagged

LOCAL, REMOTE = "default", "remote"
SYNCHRONIZE = ("-m", "django", "synchronize", "--verbosity", "0")

#: User and password of the server that tests stop. No message may show them.
SECRETS = ("ann_the_user", "sesame-opens")

#: Many small transactions a run, so that many moments differ.
BATCH_SIZE = {"SYNCHRO_TEST_BATCH_SIZE": "7"}


def write_something(random_: random.Random, number: int) -> None:
    """Write objects that have neither a natural key nor a stable one, by every kind of write."""
    Item.objects.bulk_create(Item(name=f"{number}-{index}", cash=index) for index in range(40))
    parent = Node.objects.create(name=f"root {number}")
    for index in range(10):
        parent = Node.objects.create(name=f"{number}-{index}", parent=parent)
    tagged = Tagged.objects.create(title=f"tagged {number}")
    tagged.tags.add(*(Tag.objects.get_or_create(label=f"tag {index}")[0] for index in range(3)))
    names = list(Item.objects.values_list("name", flat=True))
    Item.objects.filter(name__in=random_.sample(names, len(names) // 3)).update(cash=random_.randrange(10**6))
    Item.objects.filter(name__in=random_.sample(names, len(names) // 20)).delete()


def contents(alias: str) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that was synchronised, without the primary keys."""
    return {
        "items": sorted(Item.objects.using(alias).values_list("name", "cash")),
        "nodes": sorted(Node.objects.using(alias).values_list("name", "parent__name"), key=repr),
        "tagged": sorted(Tagged.objects.using(alias).values_list("title", "tags__label"), key=repr),
    }


def assert_nothing_lost_or_doubled() -> int:
    """Compare both sides, after a run that came to its end; return how many objects were compared."""
    here, there = contents(LOCAL), contents(REMOTE)
    for what, objects in here.items():
        lost, surplus = Counter(objects) - Counter(there[what]), Counter(there[what]) - Counter(objects)
        assert not lost and not surplus, f"{what}: lost or old {lost}, surplus or old {surplus}"
    references = Reference.objects.using(REMOTE).filter(model_label="testapp.Item")
    assert references.values("remote_pk").distinct().count() == references.count() == len(here["items"])
    assert not synchronize().changed
    return sum(map(len, here.values()))


def run_once(env: dict[str, str]) -> float:
    """Run the command to its end; return how long it took, in seconds."""
    started = time.monotonic()
    processes.run(*SYNCHRONIZE, env=env, check=True)
    return time.monotonic() - started


def start_run(env: dict[str, str], command: str = "synchronize") -> Process:
    return start(*SYNCHRONIZE[:2], *command.split(), *SYNCHRONIZE[3:], env=env)


def one_line_of(process: Process, *secrets: str, code: int = 5, shows_others: bool = False) -> str:
    """Wait for a run that a fault has hit; return the one line it said, beside what it shows of other databases."""
    output, errors = process.communicate(timeout=600)
    assert process.returncode == code, f"exit {process.returncode}\n{output}{errors}"
    assert output == "" or shows_others, output
    assert "Traceback" not in errors, errors
    lines = errors.splitlines()
    assert len(lines) == 1 and lines[0].startswith("CommandError: "), errors
    assert not [secret for secret in secrets if secret in errors], "credentials were printed"
    return lines[0].removeprefix("CommandError: ")


def new_database(server: PostgresServer, name: str) -> dict[str, object]:
    """Make a new, empty database there; return what differs in the settings of an alias for it."""
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": SECRETS[0],
        "PASSWORD": SECRETS[1],
        "HOST": server.host,
        "PORT": server.port,
        "OPTIONS": {},
    }


def elsewhere(process_env: dict[str, str], **changes: dict[str, object]) -> dict[str, str]:
    """Return the environment of runs that see databases otherwise than the test does: alias to settings."""
    databases = json.loads(process_env["SYNCHRO_TEST_DATABASES"])
    for alias, change in changes.items():
        databases[alias].update(change)
    return {**process_env, **BATCH_SIZE, "SYNCHRO_TEST_DATABASES": json.dumps(databases)}
