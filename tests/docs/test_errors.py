"""``docs/reference/errors.md``: every message of the package belongs to a family, which has its cause and cure."""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pkgutil import walk_packages

import synchro_triggers
from synchro_triggers.exceptions import SynchroError
from tests.pages import DOCS, blocks, page

PAGE = "docs/reference/errors.md"
spec = spec_from_file_location("messages", DOCS / "messages.py")
sys.modules[spec.name] = reading = module_from_spec(spec)
spec.loader.exec_module(reading)

FAMILIES = [block.text.split() for block in blocks(PAGE) if block.language == "{messages}"]

#: Errors whose text is another's alone: what was found wrong before, or what a report says.
TEXTS_OF_OTHERS = {
    "capture/tables.py",
    "management/commands/synchro_compare.py",
    "management/commands/synchro_failures.py",
    "management/commands/synchro_status.py",
    "management/commands/synchronize.py",
    "management/errors.py",
    "reaching.py",
    "replay/plan/reading.py",
    "replay/plan/targets.py",
}


def test_every_message_belongs_to_a_family():
    patterns = [pattern for family in FAMILIES for pattern in family]

    for each in reading.messages():
        assert any(fnmatch(each.file, pattern) for pattern in patterns), f"name {each.file} in {PAGE}: {each.text}"
        assert each.text or each.file in TEXTS_OF_OTHERS, (
            f"{each.file}: docs/messages.py cannot read what {each.kind} says"
        )


def test_messages_are_read_as_they_are_raised():
    texts = {each.text: each for each in reading.messages()}

    assert len(texts) > 200
    [refused] = [
        each for text, each in texts.items() if text.startswith("A run to … is under way since …, by process …")
    ]
    assert (refused.exit_code, refused.kind) == ("4", "RunUnderWay")


def test_exit_codes_are_those_of_the_classes():
    for module in walk_packages(synchro_triggers.__path__, "synchro_triggers."):
        if ".contrib." in module.name or ".migrations" in module.name:
            continue
        for name, found in vars(import_module(module.name)).items():
            if isinstance(found, type) and issubclass(found, SynchroError) and found.__module__ == module.name:
                assert name in reading.KINDS, f"docs/messages.py does not know {name}"
                assert reading.KINDS[name] in {"", str(found.exit_code)}


def test_family_has_messages_a_cause_and_a_cure():
    for family in FAMILIES:
        assert reading.of_family(family)
        for pattern in family:
            assert "*" in pattern or reading.of_family([pattern]), f"{pattern} of {PAGE} says nothing (any more)"
    sections = re.split(r"^## ", page(PAGE), flags=re.MULTILINE)[1:]
    assert all("**Cause:**" in each and "**Cure:**" in each for each in sections) and len(sections) == len(FAMILIES)
