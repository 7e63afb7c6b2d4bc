"""Results as bar charts in SVG, written as text; they read well on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _NUMBERS, _BAR, _GAP = 760, 250, 150, 18, 6
_OURS = "synchro_triggers"

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .measure { font-weight: 600 } .none { fill: #6e7781 }
.bar { fill: #afb8c1 } .ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .none { fill: #8d96a0 } .bar { fill: #57606a } .ours { fill: #58a6ff }
}
"""


def write_charts(folder: Path, stored: Mapping[str, Any]) -> None:
    """Write a chart for each theme and vendor."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme, vendors in stored.items():
        for vendor, results in vendors.items():
            (folder / f"{theme}-{vendor}.svg").write_text(chart(f"{theme}, {vendor}", results["figures"]))


def chart(title: str, figures: list[dict[str, Any]]) -> str:
    """Return an SVG with a block of bars for each measure; each block has its own scale."""
    parts: list[str] = []
    y = 30
    for measure in dict.fromkeys(figure["measure"] for figure in figures):
        block = [figure for figure in figures if figure["measure"] == measure]
        units = dict.fromkeys(figure["unit"] for figure in block)
        y += 22
        parts.append(f'<text class="measure" x="10" y="{y}">{escape(measure)}, {escape(", ".join(units))}</text>')
        y += 8
        longest = max((figure["value"] or 0 for figure in block), default=0) or 1
        for figure in block:
            parts.append(_bar(figure, y, longest))
            y += _BAR + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 10}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>'
        f'<text class="title" x="10" y="24">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bar(figure: Mapping[str, Any], y: int, longest: float) -> str:
    middle = y + _BAR - 5
    label = f'<text x="{_LABELS - 8}" y="{middle}" text-anchor="end">{escape(figure["contender"])}</text>'
    value = figure["value"]
    if value is None:
        return f'{label}<text class="none" x="{_LABELS}" y="{middle}">{escape(figure["note"])}</text>'
    width = max(1.0, (_WIDTH - _LABELS - _NUMBERS) * value / longest)
    kind = "bar ours" if figure["contender"].startswith(_OURS) else "bar"
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return (
        f'{label}<rect class="{kind}" x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
        f'<text x="{_LABELS + width + 6:.1f}" y="{middle}">{number}</text>'
    )
