"""A generated project as plain values: what makes its Python source, and what is shrunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pprint import pformat
from typing import Any

from tests.databases import Vendor

HEAD = """\
import uuid

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from synchro_triggers import NaturalKeyModel, NaturalManager, synchro_paused
from tests.shapefuzz.ledger import add_journal, heard, is_skipped, refuse, set_own, spell, spell_past_it, sweep, touch
from tests.shapefuzz.managers import Forgetful, Hiding, KeyedByHand
"""


def module_of(seed: int) -> str:
    """Return the name of the module that a project's source becomes."""
    return f"shapefuzz_project_{seed}"


@dataclass(frozen=True)
class ModelPlan:
    """One model: its name, its bases, the lines of its body and those of its ``Meta``."""

    name: str
    bases: str
    lines: tuple[str, ...]
    meta: tuple[str, ...] = ()

    def source(self) -> str:
        meta = "".join(f"        {line}\n" for line in (*self.meta, "app_label = 'shapefuzz'"))
        body = "".join(f"    {part}\n" for line in self.lines for part in line.splitlines())
        return f"class {self.name}({self.bases}):\n{body}\n    class Meta:\n{meta}"


@dataclass(frozen=True)
class TriggerPlan:
    """A trigger on a table of the remote.

    Attributes:
        model: whose table.
        kind: ``cancel`` or ``redirect`` some inserts, ``change`` what is written, write ``elsewhere``.
        other: the model whose rows it writes.
    """

    model: str
    kind: str
    other: str = ""


@dataclass(frozen=True)
class Project:
    """Models, receivers, triggers, settings, and the two databases' vendors and time zones.

    Attributes:
        silent: the names of receivers, and of ``save()`` methods, that a replay must not call.
    """

    seed: int
    local: Vendor
    remote: Vendor
    models: tuple[ModelPlan, ...]
    receivers: tuple[str, ...] = ()
    triggers: tuple[TriggerPlan, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    zones: tuple[tuple[str, str], ...] = ()
    logs_on_remote: bool = True
    silent: tuple[str, ...] = ()

    def source(self) -> str:
        """Return the project as a Python module."""
        title = f'"""The project of seed {self.seed}: {self.local} to {self.remote}."""\n\n'
        parts = [HEAD, *(model.source() for model in self.models), *self.receivers]
        return title + "\n\n".join(parts) + "\n"

    def __str__(self) -> str:
        rest = {
            "settings": dict(self.settings),
            "time zones": dict(self.zones),
            "triggers on the remote": [f"{each.model}: {each.kind} {each.other}".strip() for each in self.triggers],
            "not called by a replay": list(self.silent),
            "changes of the remote are logged": self.logs_on_remote,
        }
        return self.source() + "\n# " + pformat(rest, width=110).replace("\n", "\n# ") + "\n"


@dataclass(frozen=True)
class Step:
    """One step of a story; ``seed`` decides what it takes, so that others may be left out."""

    what: str
    seed: int = field(default=0)

    def __str__(self) -> str:
        return f"{self.what} #{self.seed}"
