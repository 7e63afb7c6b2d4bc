"""Who observes what is written: receivers, overridden ``save()`` methods, and options that keep them silent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from tests.shapefuzz.drafting import Draft

#: What overridden ``save()`` methods do. What they make of the row themselves must not stay on the remote.
SAVES = {
    "touch": "super().save(*args, **kwargs)\n    touch(self, {other}, self._state.db)",
    "spell": "spell(self, kwargs.get('using'))\n    super().save(*args, **kwargs)",
    "spell past it": "super().save(*args, **kwargs)\n    spell_past_it(self)",
    "save again": (
        "super().save(*args, **kwargs)\n    spell(self, self._state.db)\n    super().save(using=self._state.db)"
    ),
    "skip": "if not is_skipped(self, kwargs.get('using')):\n        super().save(*args, **kwargs)",
}
SAVE_CHANCES = ("touch", "touch", "spell", "spell past it", "save again", "skip")
KINDS = ("touch", "touch", "touch by save", "own", "refuse", "journal", "journal", "sweep", "nothing")
SIGNALS = {
    "own": ("pre_save",),
    "sweep": ("post_delete", "pre_delete"),
    "refuse": ("pre_save", "pre_save", "pre_delete"),
    "": ("post_save", "post_save", "pre_save", "post_delete", "pre_delete"),
}
#: A receiver of a save that adds a row of a model, or saves one that is there.
_ADDING, _SAVING = (
    re.compile(rf"@receiver\((?:pre|post)_save\b(?s:.*){call}")
    for call in (r"add_journal\(instance, (\w+),", r"touch\(instance, (\w+), using, by_save=True")
)
ACTIONS = ("pre_add", "post_add", "post_add", "pre_remove", "post_remove", "post_remove", "pre_clear", "post_clear")


def save_method(made: Draft, others: Sequence[Draft], random: Random) -> str:
    """Return an overridden ``save()``."""
    kind = random.choice(SAVE_CHANCES)
    body = SAVES[kind].format(other=random.choice(others).name)
    skips = "SKIPS = True\n" if kind == "skip" else ""
    return f"{skips}def save(self, *args, **kwargs):\n    {body}\n    heard('save {made.name}', self._state.db)"


def receivers_of(drafts: Sequence[Draft], number: int, random: Random) -> list[str]:
    """Return the source of some receivers."""
    tables = [each for each in drafts if each.is_table]
    linked = [each for each in tables if _own_links(each)]
    found = []
    for at in range(number):
        if linked and random.random() < 0.3:
            found.append(_of_links(random.choice(linked), drafts, at, random))
        else:
            found.append(_of_rows(random.choice(tables), drafts, at, random))
    return _without_rings(found)


def _without_rings(receivers: Sequence[str]) -> list[str]:
    """Let receivers of saves write by ``update()`` where, by ``save()``, they would call one another for ever."""
    saves = {(_sender_of(each), found[1]) for each in receivers if (found := _ADDING.search(each)) is not None}
    kept: list[str] = []
    for each in receivers:
        if (found := _SAVING.search(each)) is not None:
            sender, reached = _sender_of(each), {found[1]}
            for _ in receivers:
                reached |= {saved for caller, saved in saves if caller in reached}
            if sender in reached:
                each = each.replace(", by_save=True", "")
            else:
                saves.add((sender, found[1]))
        kept.append(each)
    return kept


def _own_links(draft: Draft) -> list[str]:
    return [line.partition(" ")[0] for line in draft.lines if line.startswith("m_")]


def _journals(drafts: Sequence[Draft]) -> list[Draft]:
    return [
        each for each in drafts if each.kind == "root" and each.key == "auto" and not each.unique and not each.relations
    ]


def _of_rows(sender: Draft, drafts: Sequence[Draft], number: int, random: Random) -> str:
    kind = random.choice(KINDS)
    kind, call = _call(kind, sender, drafts, random)
    signal = random.choice(SIGNALS.get(kind, SIGNALS[""]))
    return (
        f"@receiver({signal}, sender={sender.name}, dispatch_uid='shapefuzz {number}')\n"
        f"def receiver_{number}(instance, using, **kwargs):\n    heard('receiver_{number}', using)\n    {call}"
    )


def _of_links(sender: Draft, drafts: Sequence[Draft], number: int, random: Random) -> str:
    # The instance may be of either end: what saves others would have to know that no ring closes.
    _, call = _call(random.choice(("touch", "touch", "refuse", "journal", "nothing")), sender, drafts, random)
    field, action = _own_links(sender)[0], random.choice(ACTIONS)
    return (
        f"@receiver(m2m_changed, sender={sender.name}.{field}.through, dispatch_uid='shapefuzz {number}')\n"
        f"def receiver_{number}(instance, action, using, **kwargs):\n    heard('receiver_{number}', using)\n"
        f"    if action == '{action}':\n        {call}"
    )


def _call(kind: str, sender: Draft, drafts: Sequence[Draft], random: Random) -> tuple[str, str]:
    """Return what a receiver does, and in which words."""
    other = random.choice([each for each in drafts if each.is_table])
    journals = _journals(drafts)
    if kind in ("journal", "sweep"):
        if journals and sender not in journals:
            other = random.choice(journals)
        else:
            kind = "touch"
    # One way only; what is left of rings is cut where all receivers are known.
    if kind == "touch by save" and drafts.index(other) <= drafts.index(sender):
        kind = "touch"
    return kind, {
        "touch": f"touch(instance, {other.name}, using)",
        "touch by save": f"touch(instance, {other.name}, using, by_save=True)",
        "own": "set_own(instance, using)",
        "refuse": "refuse(instance, using)",
        "journal": f"add_journal(instance, {other.name}, using)",
        "sweep": f"sweep(instance, {other.name}, using)",
        "nothing": "pass",
    }[kind]


# Silence ------------------------------------------------------------------------------------------


def silence(
    drafts: Sequence[Draft], receivers: Sequence[str], module: str, random: Random
) -> tuple[dict[str, dict[str, object]], tuple[str, ...]]:
    """Return options ``write`` and ``mute`` by label, and who must not be called by a replay then.

    Args:
        module: the dotted path of the project's module.
    """
    options: dict[str, dict[str, object]] = {}
    silent: set[str] = set()
    shared = [each.base for each in drafts if each.kind == "shared"]
    for draft in drafts:
        if draft.is_table and draft not in shared and random.random() < 0.12:
            options.setdefault(f"shapefuzz.{draft.name}", {})["write"] = random.choice(("signals", "rows"))
    ways = {draft.name: _way(draft, drafts, options) for draft in drafts}
    silent.update(f"save {name}" for name, way in ways.items() if way is not None)
    silent.update(_name_of(each) for each in receivers if ways.get(_sender_of(each)) == "rows")
    for each in receivers:
        if random.random() < 0.12:
            muted = options.setdefault(f"shapefuzz.{_sender_of(each)}", {})
            muted["mute"] = (*muted.get("mute", ()), f"{module}.{_name_of(each)}")
            silent.add(_name_of(each))
    if any("by_save" in each or "add_journal" in each for each in receivers):  # they call save() themselves
        silent = {name for name in silent if not name.startswith("save ")}
    return options, tuple(sorted(silent))


def _way(draft: Draft, drafts: Sequence[Draft], options: dict[str, dict[str, object]]) -> object:
    """Return the option ``write`` that a model has of its own, or of its parents, where they agree."""
    own = options.get(f"shapefuzz.{draft.name}", {}).get("write")
    if own is not None or not draft.is_table:
        return own
    parents = [each for each in drafts if each.name in draft.bases.split(", ")]
    found = {_way(each, drafts, options) for each in parents}
    return found.pop() if len(found) == 1 else None


def _name_of(receiver: str) -> str:
    return receiver.partition("def ")[2].partition("(")[0]


def _sender_of(receiver: str) -> str:
    return receiver.partition("sender=")[2].partition(",")[0].partition(".")[0]
