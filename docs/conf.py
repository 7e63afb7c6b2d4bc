"""How Sphinx builds this documentation: ``make docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
# autodoc imports the package, and some of it imports models.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docs.settings")

import django  # noqa: E402

django.setup()

import synchro_triggers  # noqa: E402

project = "synchro_triggers"
author = "synchro_triggers authors"
copyright = f"{author}, BSD-3-Clause"
release = version = synchro_triggers.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "messages"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "Thumbs.db", ".DS_Store"]

# A page may be linked to by its headings, as on GitHub.
myst_heading_anchors = 3
myst_enable_extensions = ["deflist", "colon_fence"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# No network while building: names of Python and Django are words, not links.
nitpick_ignore_regex = [("py:.*", r"(?!synchro_triggers\.).*")]
# Types that nobody but the package makes; the attributes that hold them say what they are.
nitpick_ignore = [("py:class", "synchro_triggers.replay.plan.conflicts.Sides")]

html_theme = "furo"
html_title = "synchro_triggers"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["wide-tables.css"]
