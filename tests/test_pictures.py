"""Pictures in the README and the docs are there, light and dark, small, and those that ``make pictures`` makes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXAMPLE = ROOT / "examples" / "the_page"
IMAGES = ROOT / "docs" / "images"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture
def pictures(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    from importlib import import_module

    yield import_module("pictures")
    sys.modules.pop("pictures")


def shown() -> set[Path]:
    """Return the files that pages show."""
    found: set[Path] = set()
    for page in PAGES:
        for picture in re.findall(r"<picture>.*?</picture>", page.read_text(encoding="utf-8"), re.DOTALL):
            names = re.findall(r'(?:srcset|src)="([^"]*)"', picture)
            dark, light = ((page.parent / name).resolve() for name in names)
            assert '(prefers-color-scheme: dark)"' in picture and re.search(r'alt="[^"]{20,}"', picture)
            assert (dark.name, light.name) == (f"{light.stem.removesuffix('-light')}-dark.png", light.name)
            found |= {dark, light}
    return found


def test_pages_show_the_pictures_that_are_made_and_no_other_ones_are_kept(pictures):
    made = {IMAGES / pictures.name_of(picture, theme) for picture in pictures.PICTURES for theme in pictures.THEMES}

    assert len(made) == 6
    assert shown() == made == set(IMAGES.iterdir())


def test_pictures_are_small_and_as_wide_as_said(pictures):
    for path in IMAGES.iterdir():
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) <= pictures.MOST <= 150_000, path
        assert int.from_bytes(data[16:20], "big") == pictures.WIDTH, path


def test_readme_shows_the_page():
    assert "docs/images/page-light.png" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_without_chromium_it_is_said_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "pictures.py")], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode == 1 and "apt-get install chromium" in done.stderr and "Traceback" not in done.stderr
