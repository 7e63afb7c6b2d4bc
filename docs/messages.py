"""Every error message of the package, read from its source, for ``docs/reference/errors.md``.

The page says what a family of messages is about, what causes them and what cures them; the messages themselves are put
in when the page is built, so that none can be missing or old. ``tests/docs/test_errors.py`` holds that each message
belongs to a family.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1] / "synchro_triggers"

#: The kinds of errors that people meet, with the exit code of a command that ends by one. Those without a code are the
#: text of a kept failure.
KINDS = {
    "SynchroError": "1",
    "CommandError": "1",
    "SynchroConfigurationError": "2",
    "ImproperlyConfigured": "2",
    "NotThere": "2",
    "WrongReference": "2",
    "WrongRule": "2",
    "Refused": "3",
    "RunRefused": "3",
    "TriggersNotReady": "3",
    "RunUnderWay": "4",
    "DatabaseUnreachable": "5",
    "ObjectNotApplied": "",
    "NothingInserted": "",
    "NotReadBack": "",
    "NotYet": "",
    "KeyNotYet": "",
    "RowsVanished": "",
}

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TRANSLATED = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


@dataclass(frozen=True, order=True)
class Message:
    """One message: where it is in the package, what kind of error it is, and its text, with ``…`` for what varies."""

    file: str
    kind: str
    text: str

    @property
    def exit_code(self) -> str:
        return KINDS[self.kind]


@cache
def _trees() -> dict[Path, ast.AST]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def _nodes() -> list[ast.AST]:
    """Return the functions and classes of the package."""
    kinds = (*_FUNCTIONS, ast.ClassDef)
    return [node for tree in _trees().values() for node in ast.walk(tree) if isinstance(node, kinds)]


@cache
def messages() -> tuple[Message, ...]:
    """Return all messages, sorted by file; of an error whose text is another one's, the text is empty."""
    found = set()
    for path, tree in _trees().items():
        inside = _functions_by_call(tree)
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in KINDS:
                continue
            texts = list(_texts(call.args[0], inside.get(call))) if call.args else []
            texts = texts or list(_texts_of_class(call.func.id))
            file = str(path.relative_to(PACKAGE))
            found |= {Message(file, call.func.id, " ".join(text.split())) for text in texts or [""]}
    return tuple(sorted(found))


def _functions_by_call(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Return for each call the innermost function in which it stands."""
    inside: dict[ast.AST, ast.AST] = {}
    for function in ast.walk(tree):  # outer ones come first
        if isinstance(function, _FUNCTIONS):
            inside |= {node: function for node in ast.walk(function) if isinstance(node, ast.Call)}
    return inside


def _texts(node: ast.AST, function: ast.AST | None, depth: int = 0) -> Iterator[str]:
    """Return the texts that an expression may have: literals, what a name was given, what a function returns."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        yield from _texts(node.left, function, depth)
    elif isinstance(node, ast.BinOp):
        left = list(_texts(node.left, function, depth)) or ["…"]
        right = list(_texts(node.right, function, depth)) or ["…"]
        yield from (one + other for one in left for other in right)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, function, depth)
        yield from _texts(node.orelse, function, depth)
    elif isinstance(node, ast.Call):
        yield from _texts_of_call(node, function, depth)
    elif isinstance(node, ast.Name) and function is not None and depth < 3:
        for each in ast.walk(function):
            if isinstance(each, ast.Assign) and any(
                isinstance(to, ast.Name) and to.id == node.id for to in each.targets
            ):
                yield from _texts(each.value, function, depth + 1)


def _texts_of_call(call: ast.Call, function: ast.AST | None, depth: int) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in _TRANSLATED:
        for argument in call.args[: 2 if name.startswith("n") else 1]:
            yield from _texts(argument, function, depth)
    elif name in {"replace", "format"} and isinstance(call.func, ast.Attribute):
        yield from _texts(call.func.value, function, depth)
    elif depth < 3:
        for other in _functions_of_package().get(name, ()):
            for each in ast.walk(other):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from _texts(each.value, other, depth + 1)


@cache
def _functions_of_package() -> dict[str, list[ast.AST]]:
    named: dict[str, list[ast.AST]] = {}
    for node in _nodes():
        if isinstance(node, _FUNCTIONS):
            named.setdefault(node.name, []).append(node)
    return named


@cache
def _texts_of_class(name: str) -> tuple[str, ...]:
    """Return what an exception says that makes its own text of its arguments."""
    for node in _nodes():
        if isinstance(node, ast.ClassDef) and node.name == name:
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call) and each.args]
            return tuple(
                text
                for call in calls
                if getattr(call.func, "attr", "") == "__init__"
                for text in _texts(call.args[0], None)
            )
    return ()


def of_family(patterns: Iterable[str]) -> list[Message]:
    """Return the messages of the files that match one of the patterns, those with a text."""
    patterns = list(patterns)
    return [each for each in messages() if each.text and any(fnmatch(each.file, pattern) for pattern in patterns)]


def setup(app: Any) -> dict[str, bool]:
    """Teach Sphinx the directive ``{messages}``, whose lines are patterns of files."""
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Messages(Directive):
        has_content = True

        def run(self) -> list[nodes.Node]:
            found = of_family(line.strip() for line in self.content if line.strip())
            items = nodes.bullet_list()
            for code, text in dict.fromkeys((each.exit_code, each.text) for each in found):
                said = nodes.paragraph("", "", nodes.literal(text, text))
                said += nodes.Text(f" – exit {code}" if code else " – a kept failure: exit 1")
                items += nodes.list_item("", said)
            return [items]

    app.add_directive("messages", Messages)
    return {"parallel_read_safe": True}
