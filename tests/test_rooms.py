"""``ARCHITECTURE.md`` against the tree: rooms and their arrows, the files of the flow, the tests of the promises.

Which way the arrows go is held by import-linter (``make lint``); how long files and functions may be, and what a module
that calls itself pure must not touch, is held here.
"""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "synchro_triggers"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

#: Written by a tool, as it writes them.
GENERATED = PACKAGE / "migrations"

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if GENERATED not in path.parents)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40

#: In the line before a longer function, or as a file's first comment: why it is one.
REASON = re.compile(r"^\s*# Long: \S.{20,}")


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def table_under(heading):
    """Return the rows of the table under a heading, each a list of cells, the line of titles left out."""
    section = ARCHITECTURE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip().strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def names_in(cell):
    return set(re.findall(r"`([^`]+)`", cell))


def room_of(path):
    """Return the room of a module: its folder; of what lies beside the rooms of ``replay``, the module itself."""
    inside = path.relative_to(PACKAGE)
    folder = inside.parent.as_posix()
    if folder == ".":
        return "."
    return f"{folder}/" if folder != "replay" or inside.name == "__init__.py" else inside.as_posix()


def imports_of(path):
    """Yield the paths of this package's modules that a module imports, but for the sake of types."""
    package = ["synchro_triggers", *path.relative_to(PACKAGE).parent.parts]
    for_types = {
        id(node)
        for block in ast.walk(tree_of(path))
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in for_types:
            continue
        base = ROOT.joinpath(*package[: len(package) - node.level + 1], *(node.module or "").split("."))
        for name in node.names:
            found = [base / f"{name.name}.py", base.with_suffix(".py"), base / "__init__.py"]
            yield next(each for each in found if each.exists())


@cache
def arrows():
    """Return the rooms, and which others each of them imports."""
    found = {}
    for path in MODULES:
        rooms = found.setdefault(room_of(path), set())
        rooms |= {room_of(target) for target in imports_of(path)} - {room_of(path)}
    return found


ROOMS = {
    next(iter(names_in(name))): (names_in(may_import), names_in(start))
    for name, _, may_import, start in table_under("Rooms")
}


def test_every_room_is_in_the_table_and_no_other():
    assert ROOMS.keys() == arrows().keys() - {"replay/"}


def test_rooms_import_what_the_table_says():
    assert {room: imports for room, (imports, _) in ROOMS.items()} == {room: arrows()[room] for room in ROOMS}


def test_no_module_imports_itself_by_way_of_others():
    left = {path: set(imports_of(path)) - {path} for path in MODULES}
    before = None
    while left != before:  # take away what imports nothing that is left, or is imported by nothing that is
        before = left
        imported = set().union(*left.values())
        left = {
            path: others & left.keys() for path, others in left.items() if others & left.keys() and path in imported
        }

    assert sorted(path.relative_to(PACKAGE).as_posix() for path in left) == []


def test_reading_begins_in_a_file_of_the_room():
    starts = {
        room: {(room_of(PACKAGE / each), (PACKAGE / each).is_file()) for each in ROOMS[room][1]} for room in ROOMS
    }

    assert starts == {room: {(room, True)} for room in ROOMS}


def test_files_of_the_flow_are_there():
    section = ARCHITECTURE.split("## The flow of a change\n", 1)[1].split("\n## ", 1)[0]
    named = {name for name in names_in(section) if name.endswith(".py")}

    assert len(named) >= 15
    assert [name for name in named if not (PACKAGE / name).is_file()] == []


def test_promises_name_tests_that_are_there():
    promises = table_under("Promises")

    assert [int(number) for number, *_ in promises] == list(range(1, 18))
    named = {number: names_in(tests) for number, _, tests in promises}
    assert [number for number, tests in named.items() if not tests] == []
    assert [each for tests in named.values() for each in tests if "def test_" not in (ROOT / each).read_text()] == []


def too_long_in(path):
    """Yield what is too long in a module, and does not say why."""
    lines = path.read_text(encoding="utf-8").splitlines()
    name = path.relative_to(PACKAGE).as_posix()
    if len(lines) > MOST_LINES_OF_A_FILE and not any(map(REASON.match, lines)):
        yield name
    for node in ast.walk(tree_of(path)):
        if isinstance(node, FUNCTIONS) and node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION:
            before = min(each.lineno for each in (node, *node.decorator_list)) - 2
            if not REASON.match(lines[before]):
                yield f"{name}: {node.name}"


def test_files_and_functions_are_short_or_say_why_not():
    assert len(MODULES) > 150
    assert [each for path in MODULES for each in too_long_in(path)] == []


def calls_itself_pure(path):
    said = ast.get_docstring(tree_of(path)) or ""
    return re.search(r"(^|[.:] )[Pp]ure\b", said.split("\n\n")[0]) is not None


def touched_by(path):
    """Return what a module has to do with connections, cursors and queries of its own."""
    names = {
        alias.name
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.module == "django.db"
        for alias in node.names
    }
    attributes = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    return (names - {"models", "IntegrityError", "DatabaseError"}) | (attributes & {"objects", "cursor", "execute"})


def test_pure_modules_touch_no_connection():
    pure = [path for path in MODULES if calls_itself_pure(path)]

    assert len(pure) >= 10
    assert {path.name: touched_by(path) for path in pure if touched_by(path)} == {}


#: What the names of their files begin with: ``postgres.py``, ``sqlite_unique.py``; and the file of all the rest.
VENDORS, REST = {"postgres", "sqlite", "mysql"}, "other.py"

#: Of each room the one that chooses among these.
CHOOSER = "vendor.py"

#: Files that speak a vendor's SQL although they are named after none, and why.
SPEAKING_SQL = {"replay/log/seen.py": "a file of the run's own, the same on all vendors"}

#: In code, not in what is told of it: names as Django has them, catalogs, and what only one of them understands.
OF_A_VENDOR = re.compile(
    r"^(postgresql|sqlite|mysql|oracle|vendor)$|\b(pg_|sqlite_|txid_|pragma|information_schema|json_each|jsonb"
    r"|to_regclass|set_config|typeof|nextval|sql_mode|glob\b)|::[a-z]",
    re.IGNORECASE,
)


def is_named_after_a_vendor(path):
    return path.name == REST or path.stem.lstrip("_").partition("_")[0] in VENDORS


def texts_in(path):
    """Yield the texts in a module's code; docstrings speak of vendors too."""
    nodes = list(ast.walk(tree_of(path)))
    told = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def vendors_in(path):
    """Yield what in a module asks for a vendor, or is for one alone."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and (node.attr in {"vendor", "pgconn"} or node.attr.startswith("mysql_")):
            yield node.attr
    yield from (text for text in texts_in(path) if OF_A_VENDOR.search(text))
    if GENERATED not in path.parents:
        yield from (each.name for each in imports_of(path) if is_named_after_a_vendor(each))


def test_what_differs_between_vendors_is_in_files_named_after_them():
    common = {path for path in PACKAGE.rglob("*.py") if path.name != CHOOSER and not is_named_after_a_vendor(path)}
    found = {path.relative_to(PACKAGE).as_posix(): list(vendors_in(path)) for path in common}

    assert len(common) > 150
    assert {name: said for name, said in found.items() if said and name not in SPEAKING_SQL} == {}
    assert all(found[name] for name in SPEAKING_SQL)


def test_each_room_chooses_among_vendors_once():
    choosing = {path.parent for path in MODULES if path.name == CHOOSER}
    of_vendors = {path.parent for path in MODULES if is_named_after_a_vendor(path)}

    assert choosing == of_vendors
    assert {path.name for path in MODULES if "vendor" in path.stem} == {CHOOSER}
