"""What ties models together that were drafted one after the other: cycles, through models, reverse generic keys."""

from __future__ import annotations

from random import Random

from tests.shapefuzz.drafting import Draft


def tie(drafts: list[Draft], random: Random) -> None:
    """Add lines to drafts that name later ones."""
    if random.random() < 0.3:
        _close_a_cycle(drafts, random)
    if random.random() < 0.25:
        _link_through(drafts, random)
    if random.random() < 0.4:
        _look_back(drafts, random)


def _close_a_cycle(drafts: list[Draft], random: Random) -> None:
    """Let an earlier model point to a later one."""
    pairs = [
        (early, late)
        for number, early in enumerate(drafts)
        for late in drafts[number + 1 :]
        if early.is_table and early.key != "composite" and late.is_table and late.is_target
    ]
    if pairs:
        early, late = random.choice(pairs)
        on_delete = random.choice(("CASCADE", "SET_NULL", "RESTRICT"))
        early.lines.append(
            f"c_{early.letter} = models.ForeignKey('{late.name}', models.{on_delete}, null=True, "
            f"related_name='{early.letter}_c')"
        )


def _link_through(drafts: list[Draft], random: Random) -> None:
    """Let a model with two foreign keys stand between what they lead to, or a proxy of it."""
    for draft in drafts:
        ends = [_end(draft, name, drafts) for name in draft.relations]
        if len(ends) < 2 or None in ends or draft.kind != "root":
            continue
        source, target = ends
        assert source is not None and target is not None
        if source.kind == "proxy" or source is target or source is draft:
            continue
        through = draft.name
        if random.random() < 0.4:
            through = f"{draft.name}Proxy"
            drafts.append(Draft(through, draft.name, ["pass"], ["proxy = True"], kind="proxy", base=draft))
        source.lines.append(
            f"t_{source.letter} = models.ManyToManyField('{target.name}', through='{through}', "
            f"through_fields=('{draft.relations[0]}', '{draft.relations[1]}'), related_name='{source.letter}_t')"
        )
        return


def _end(draft: Draft, relation: str, drafts: list[Draft]) -> Draft | None:
    line = next(each for each in draft.lines if each.startswith(f"{relation} "))
    if "to_field" in line:
        return None
    name = line.partition("'")[2].partition("'")[0]
    return next((each for each in drafts if each.name == name), None)


def _look_back(drafts: list[Draft], random: Random) -> None:
    """Give what a generic foreign key may point to a way back, by which deletes cascade."""
    pointing = [each for each in drafts if any(line.startswith("oid_") for line in each.lines)]
    targets = [each for each in drafts if each.kind == "root" and each.key not in ("composite",)]
    if pointing and targets:
        owner, target = random.choice(pointing), random.choice(targets)
        target.lines.append(
            f"back_{target.letter} = GenericRelation('{owner.name}', 'oid_{owner.letter}', 'ct_{owner.letter}')"
        )
