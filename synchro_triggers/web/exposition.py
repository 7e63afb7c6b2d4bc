"""Pure: Prometheus' text format (0.0.4), which every version of it and of what understands it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Sample:
    """A number, and the labels that say what it is of."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: with its unit.
        kind: ``gauge`` or ``counter``.
        told: what it is, in a line.
        samples: none: it is left out.
    """

    name: str
    kind: str
    told: str
    samples: tuple[Sample, ...]


def exposition(metrics: Iterable[Metric]) -> str:
    r"""Return the metrics as text.

    Example:
        >>> exposition([Metric("synchro_up", "gauge", "Reached.", (Sample({"remote": "main"}, 1),))])
        '# HELP synchro_up Reached.\n# TYPE synchro_up gauge\nsynchro_up{remote="main"} 1\n'
    """
    return "".join(f"{line}\n" for metric in metrics if metric.samples for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    yield f"# HELP {metric.name} {_escaped(metric.told)}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for sample in metric.samples:
        labels = ",".join(f'{name}="{_quoted(value)}"' for name, value in sample.labels.items())
        yield (
            f"{metric.name}{{{labels}}} {_number(sample.value)}" if labels else f"{metric.name} {_number(sample.value)}"
        )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    """Return a label's value: a log may hold whatever somebody has written into it."""
    return _escaped("".join(each if _is_plain(each) else ascii(each)[1:-1] for each in text)).replace('"', '\\"')


def _is_plain(character: str) -> bool:
    return character.isprintable() or character == "\n"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(round(value, 6))
