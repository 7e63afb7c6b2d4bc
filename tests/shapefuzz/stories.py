"""Stories: steps at random."""

from __future__ import annotations

from random import Random

from tests.shapefuzz.foreign import FOREIGN
from tests.shapefuzz.hands import HANDS
from tests.shapefuzz.plans import Step

#: How often who writes: LOCAL's users, the remote's, LOCAL's past the log, strangers; and runs.
CALM = {"default": 70, "remote": 0, "paused": 0, "foreign": 6, "run": 24}
BUSY = {"default": 50, "remote": 14, "paused": 3, "foreign": 12, "run": 21}
RUNS = {"run": 56, "compare": 4, "run twice": 15, "run full": 8, "dry run": 7, "run as tenant": 10}


def draft_story(seed: int, length: int) -> tuple[Step, ...]:
    """Return the story of a seed."""
    random = Random(seed * 7919 + 1)
    shares = random.choice((CALM, CALM, BUSY))
    peaceful = random.random() < 0.5
    steps = [Step("create", random.getrandbits(32)) for _ in range(random.randint(3, 8))]
    if random.random() < 0.15:
        steps = [Step(f"remote: {step.what}", step.seed) for step in steps] + [Step("copy")] + steps
    elif random.random() < 0.15:
        steps = [Step(f"paused: {step.what}", step.seed) for step in steps] + [Step("run full", 1)]
    for _ in range(length):
        steps.append(Step(_step(random, shares, peaceful), random.getrandbits(32)))
    return tuple(steps)


def _step(random: Random, shares: dict[str, int], peaceful: bool) -> str:
    who = _chosen(random, shares)
    if who == "run":
        return _chosen(random, RUNS)
    if who == "foreign":
        chances = {name: weight for name, (_, weight) in FOREIGN.items()}
        if peaceful:
            chances = {name: chances[name] for name in ("restart sequence", "push sequence", "empty table")}
        return _chosen(random, chances)
    hand = _chosen(random, {name: weight for name, (_, weight) in HANDS.items()})
    return hand if who == "default" else f"{who}: {hand}"


def _chosen(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]
