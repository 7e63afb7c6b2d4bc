"""``python -m benchmarks [theme ...] [--quick] [--vendor ...]``: measure, print tables, write results and charts."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from .charts import write_charts
from .databases import VENDORS, Vendor, new_databases, running_server
from .harness import Results
from .page import page
from .report import describe_machine, print_results, store_results, summary
from .sizes import SIZES
from .themes import ONLY_ON, THEMES

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    options = _parse()
    # Whoever ends us, the server that we started ends with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    themes = [theme for theme in THEMES if theme in (options.themes or THEMES)]
    vendors: list[Vendor] = [vendor for vendor in VENDORS if vendor in (options.vendor or VENDORS)]
    found: dict[tuple[str, Vendor], Results] = {}
    failed = False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="synchro-bench-")))
        server = stack.enter_context(running_server()) if "postgres" in vendors else None
        machine = describe_machine(server)
        for theme in themes:
            for vendor in vendors:
                if ONLY_ON.get(theme, vendor) != vendor:
                    continue
                print(f"{theme} on {vendor}: {THEMES[theme]}", file=sys.stderr, flush=True)
                started = time.monotonic()
                with new_databases(vendor, theme, folder, server) as databases:
                    results = _run(theme, options.size, {"vendor": vendor, "databases": databases}, folder)
                print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
                if results is None:
                    failed = True
                    continue
                found[theme, vendor] = results
                print_results(theme, vendor, results)
    print(summary(found))
    if options.size != "full":
        print(f"The targets are meant for the full sizes; at {options.size} sizes their verdicts say little.")
    output = options.output or (ROOT if options.size == "full" else None)
    if output is not None:
        stored = store_results(output / "benchmarks" / "results.json", machine, options.size, found)
        write_charts(output / "docs" / "charts", stored)
        (output / "docs" / "benchmarks.md").write_text(page(stored))
    return int(failed)


def _run(theme: str, size: str, given: dict[str, object], folder: Path) -> Results | None:
    result_file = folder / "result.json"
    result_file.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run_theme", theme, size, str(result_file)],
        cwd=ROOT,
        env={**os.environ, "SYNCHRO_BENCH": json.dumps(given)},
    )
    if done.returncode or not result_file.exists():
        print(f"  {theme} on {given['vendor']} ended with {done.returncode}: no results", file=sys.stderr)
        return None
    return Results.from_dict(json.loads(result_file.read_text()))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("themes", nargs="*", metavar="theme", help=f"of {', '.join(THEMES)}; default: all")
    parser.add_argument("--vendor", action="append", choices=VENDORS, help="only this one (may be given twice)")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument(
        "--quick", action="store_const", const="quick", dest="size", help="small sizes, nothing is stored"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where results.json and what docs/ shows of it go; default: this project, at full size only",
    )
    options = parser.parse_args()
    if unknown := set(options.themes) - THEMES.keys():
        parser.error(f"no such theme: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
