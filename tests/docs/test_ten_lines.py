"""The README's ten lines work as they stand, for a project of somebody who has never heard of this package."""

from __future__ import annotations

import pytest

from tests.docs.playing import Reader
from tests.pages import Block, blocks, section

MODELS = """# shop/models.py
from django.db import models


class Article(models.Model):
    code = models.CharField(max_length=9, unique=True)
    price = models.IntegerField()
"""

#: Both sides know one article; the office makes a second one, and main changes the price of the first.
BEFORE = "Article.objects.create(code='A', price=1)\nArticle.objects.using('main').create(code='A', price=1)"
WORK = "Article.objects.create(code='B', price=2)\nArticle.objects.using('main').filter(code='A').update(price=3)"
HELD = "[sorted(Article.objects.using(alias).values_list('code', 'price')) for alias in ('default', 'main')]"


@pytest.fixture
def lines():
    """The README's blocks: what is installed, settings, and what is typed."""
    title = "Ten lines that work"
    there = [block for block in blocks("README.md") if block.text in section("README.md", title)]
    _, settings, typed = there[:3]
    assert (settings.language, typed.language) == ("python", "sh")
    return settings, typed


def test_ten_lines_bring_both_sides_together(tmp_path, empty_databases, lines):
    settings, typed = lines
    assert 'DATABASES = {"default": {...}, "main": {...}}' in settings.text
    text = settings.text.replace('{"default": {...}, "main": {...}}', repr(empty_databases))
    text = text.replace('["synchro_triggers"]', '["synchro_triggers", "shop"]')
    before, after = typed.text.split("# ... work, on both sides ...\n")
    migrate, *rest = before.splitlines()
    folder = tmp_path / "site"
    folder.mkdir()

    with Reader(folder) as reader:
        reader.set_up(Block("", 0, "sh", "django-admin startproject config .\n./manage.py startapp shop\n"))
        reader.write(Block("", 0, "python", MODELS))
        reader.write(Block("", 0, "python", text.replace("# settings.py", "# config/settings.py, at its end")))
        reader.set_up(Block("", 0, "sh", f"./manage.py makemigrations shop\n{migrate}\n"))
        reader.type(f'./manage.py shell -v 0 -c "{BEFORE}"')
        reader.set_up(Block("README.md", typed.line, "sh", "\n".join(rest)))
        reader.type(f'./manage.py shell -v 0 -c "{WORK}"')
        reader.set_up(Block("README.md", typed.line, "sh", after))
        held = reader.type(f'./manage.py shell -v 0 -c "print({HELD})"')

    assert held.strip() == str([[("A", 3), ("B", 2)]] * 2)
