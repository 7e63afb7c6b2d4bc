"""What people read on the page and in the admin, in every language: nothing is missing, stale or somebody else's."""

from __future__ import annotations

import ast
import functools
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import pytest
from django.utils.translation.template import templatize

import synchro_triggers

PACKAGE = Path(synchro_triggers.__file__).parent
LANGUAGES = ("pl", "de", "es", "fr")
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))

#: Calls that make messages: which of their arguments are the context, the message and its plural.
CALLS = {
    "gettext": (None, 0, None),
    "pgettext": (0, 1, None),
    "ngettext": (None, 0, 1),
    "npgettext": (0, 1, 2),
}

Key = tuple[str | None, str]


@dataclass(frozen=True)
class Message:
    """A message of a catalog.

    Attributes:
        key: its context and itself.
        plural: of several; ``None``: it has no number.
        texts: its translations.
        fuzzy: it was guessed.
    """

    key: Key
    plural: str | None
    texts: tuple[str, ...]
    fuzzy: bool


def read_catalog(language: str) -> dict[Key, Message]:
    """Return the messages of a ``.po`` file; its header has an empty one."""
    text = (PACKAGE / "locale" / language / "LC_MESSAGES/django.po").read_text(encoding="utf-8")
    assert "#~" not in text
    found = {}
    for entry in text.split("\n\n"):
        fields = re.findall(r'^(msgctxt|msgid_plural|msgid|msgstr\S*) ((?:".*"\n?)+)', entry, re.MULTILINE)
        parts = {name: "".join(map(ast.literal_eval, lines.splitlines())) for name, lines in fields}
        key = parts.get("msgctxt"), parts["msgid"]
        texts = tuple(text for name, text in parts.items() if name.startswith("msgstr"))
        found[key] = Message(key, parts.get("msgid_plural"), texts, bool(re.search(r"^#,.*fuzzy", entry, re.MULTILINE)))
    return found


def translations_of(language: str) -> dict[Key, Message]:
    return {key: message for key, message in read_catalog(language).items() if key[1]}


def messages_in(source: str) -> Iterator[tuple[Key, str | None]]:
    """Yield the messages of Python code, with their plurals."""
    tree = ast.parse(source)
    names = {name: name for name in CALLS} | {"_": "gettext"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {each.asname or each.name: each.name for each in node.names}
    for node in ast.walk(tree):
        called = names.get(node.func.id, "") if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called.removesuffix("_lazy") in CALLS:
            context, message, plural = (
                None if place is None else ast.literal_eval(node.args[place])
                for place in CALLS[called.removesuffix("_lazy")]
            )
            yield (context, message), plural


def calls_of(template: Path) -> str:
    """Return a template's messages as Python code: as ``makemessages`` sees them."""
    calls = r"\b(?:gettext|pgettext|ngettext|npgettext|_)\((?:u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|[^()])*\)"
    return "\n".join(re.findall(calls, templatize(template.read_text(encoding="utf-8"))))


@functools.cache
def messages_in_use() -> dict[Key, str | None]:
    """Return the messages of all code and all templates, with their plurals."""
    code = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    found = {}
    for source in (*code, *map(calls_of, TEMPLATES)):
        found.update(messages_in(source))
    return found


def test_messages_are_found_in_code_and_in_templates():
    in_use = messages_in_use()

    assert {(None, "primary key"), (None, "Both versions"), ("synchro", "Back"), ("triggers", "fit")} <= in_use.keys()
    assert (None, "%(rows)s, the oldest for %(since)s") in in_use
    assert in_use[None, "%(number)d failure was dropped."] == "%(number)d failures were dropped."
    assert len(in_use) > 250


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogs_hold_every_message_and_no_other(language):
    catalog = translations_of(language)

    assert {key: message.plural for key, message in catalog.items()} == messages_in_use(), "run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_untranslated_or_guessed(language):
    catalog = read_catalog(language)
    forms = int(re.search(r"nplurals=(\d)", catalog[None, ""].texts[0])[1])

    wrong = [
        key
        for key, message in translations_of(language).items()
        if message.fuzzy
        or len(message.texts) != (forms if message.plural else 1)
        or not all(text.strip() for text in message.texts)
        # A single word may be the same one in two languages.
        or (" " in key[1].strip() and key[1] in message.texts)
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders_and_what_goes_on_behind_them(language):
    def kept(text: str) -> object:
        return sorted(re.findall(r"%\(\w+\)[sdr]|%s", text)), text.endswith(" ")

    wrong = [
        key
        for key, message in translations_of(language).items()
        for text in message.texts
        if kept(text) != kept(key[1])
    ]

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_translations_are_those_of_the_sources(language):
    with (PACKAGE / "locale" / language / "LC_MESSAGES/django.mo").open("rb") as file:
        compiled = vars(gettext.GNUTranslations(file))["_catalog"]

    source = {}
    for (context, message), found in read_catalog(language).items():
        name = f"{context}\x04{message}" if context else message
        source |= {(name, at): text for at, text in enumerate(found.texts)} if found.plural else {name: found.texts[0]}

    assert compiled == source, "run: make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_one_of_djangos(language):
    """One catalog is made of those of all apps: of two that have a message, the first in INSTALLED_APPS decides."""
    of_django: set[str] = set()
    for path in Path(django.__file__).parent.rglob(f"locale/{language}/LC_MESSAGES/django.mo"):
        with path.open("rb") as file:
            names = vars(gettext.GNUTranslations(file))["_catalog"]
        of_django |= {name if isinstance(name, str) else name[0] for name in names}

    assert of_django
    assert [message for context, message in translations_of(language) if context is None and message in of_django] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE / "templates")))
def test_templates_say_nothing_in_one_language_alone(template):
    text = template.read_text(encoding="utf-8")
    for name, end in (
        ("comment", "endcomment"),
        ("blocktranslate", "endblocktranslate"),
        ("block bodyclass", "endblock"),
    ):
        text = re.sub(rf"{{% {name}.*?{{% {end} %}}", "", text, flags=re.DOTALL)

    said = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", text)
    said = re.sub(r'<(?:[^<>"]|"[^"]*")*>|&\w+;', " ", said)

    assert set(re.findall(r"[^\W\d_]{2,}", said)) <= {"NULL"}
