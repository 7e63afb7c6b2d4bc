"""Makes projects at random: the same seed, the same project."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.databases import Vendor
from tests.shapefuzz.plans import ModelPlan, Project, TriggerPlan, module_of

PLAIN = (
    *("models.IntegerField(default=0)", "models.IntegerField(null=True)", "models.BigIntegerField(default=0)"),
    *("models.CharField(max_length=40, default='')", "models.CharField(max_length=40, null=True)"),
    *("models.TextField(null=True)", "models.BooleanField(default=False)", "models.BooleanField(null=True)"),
    *("models.DecimalField(max_digits=12, decimal_places=4, default=0)", "models.FloatField(default=0)"),
    *("models.JSONField(default=dict)", "models.JSONField(null=True)", "models.JSONField(default=list)"),
    *("models.DateTimeField(null=True)", "models.DateTimeField(auto_now=True)", "models.DateField(null=True)"),
    *("models.TimeField(null=True)", "models.DurationField(null=True)", "models.UUIDField(null=True)"),
    *("models.BinaryField(null=True)", "models.SlugField(null=True)", "models.SmallIntegerField(default=0)"),
    'models.IntegerField(default=0, db_column="Odd column x\'s")',
)
AUTOMATIC = ("AutoField", "BigAutoField", "SmallAutoField")
OWN_KEYS = (
    *("models.CharField(max_length=60, primary_key=True)", "models.TextField(primary_key=True)"),
    *("models.IntegerField(primary_key=True)", "models.UUIDField(primary_key=True, default=uuid.uuid4)"),
    *("models.DateField(primary_key=True)", "models.DateTimeField(primary_key=True)"),
    *("models.DecimalField(max_digits=8, decimal_places=2, primary_key=True)", "models.SlugField(primary_key=True)"),
    *("models.BinaryField(primary_key=True)", "models.DurationField(primary_key=True)"),
)
ON_DELETE = ("CASCADE", "CASCADE", "PROTECT", "RESTRICT", "SET_NULL", "SET_DEFAULT", "DO_NOTHING", "SET(None)")
ZONES = ("UTC", "America/Chicago", "Asia/Kolkata", "Pacific/Auckland")


@dataclass
class Draft:
    """A model that is being made, with what others have to know of it."""

    name: str
    bases: str = "models.Model"
    lines: list[str] = field(default_factory=list)
    meta: list[str] = field(default_factory=list)
    key: str = "auto"
    unique: list[str] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    kind: str = "root"
    base: Draft | None = None

    @property
    def letter(self) -> str:
        return self.name.lower()

    @property
    def is_target(self) -> bool:
        return self.key != "composite" and self.kind != "shared"

    @property
    def is_table(self) -> bool:
        return self.kind in ("root", "child", "own key")

    def plan(self) -> ModelPlan:
        return ModelPlan(self.name, self.bases, tuple(self.lines), tuple(self.meta))


def draft_project(seed: int, local: Vendor, remotes: tuple[Vendor, ...]) -> Project:
    """Return the project of a seed.

    Args:
        seed: of everything in it.
        local: vendor of LOCAL.
        remotes: vendors that the remote may have; the first of them is the usual one.
    """
    return _Drafter(seed, local, remotes).project()


class _Drafter:
    def __init__(self, seed: int, local: Vendor, remotes: tuple[Vendor, ...]) -> None:
        self._random = Random(seed)
        self._seed, self._local = seed, local
        self._remote = self._pick(remotes) if self._chance(0.3) else remotes[0]
        self._drafts: list[Draft] = []
        self._options: dict[str, dict[str, object]] = {}

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, some):
        return self._random.choice(tuple(some))

    def project(self) -> Project:
        number = self._random.randint(2, 6)
        for name in "ABCDEFGH"[:number]:
            self._drafts.append(self._model(name))
        from tests.shapefuzz.crossing import tie
        from tests.shapefuzz.holding import hold
        from tests.shapefuzz.observing import receivers_of, silence

        tie(self._drafts, self._random)
        tables = [draft for draft in self._drafts if draft.is_table]
        receivers = receivers_of(self._drafts, self._pick((0, 0, 1, 1, 2, 3)), self._random)
        ways, silent = silence(self._drafts, receivers, module_of(self._seed), self._random)
        for more in (hold(self._drafts, self._random), ways):
            for label, options in more.items():
                self._options.setdefault(label, {}).update(options)
        triggers = [self._trigger(self._pick(tables)) for _ in range(self._pick((0, 0, 0, 0, 1, 2)))]
        return Project(
            seed=self._seed,
            local=self._local,
            remote=self._remote,
            models=tuple(draft.plan() for draft in self._drafts),
            receivers=tuple(receivers),
            triggers=tuple({trigger.model: trigger for trigger in triggers}.values()),
            settings=tuple(self._settings().items()),
            zones=tuple(self._zones().items()),
            logs_on_remote=self._chance(0.8),
            silent=silent,
        )

    def _settings(self) -> dict[str, object]:
        found: dict[str, object] = {"SYNCHRO_BATCH_SIZE": self._pick((1000, 1000, 3, 1))}
        found["SYNCHRO_CONFLICT"] = self._pick(("newest", "newest", "local", "remote"))
        found["SYNCHRO_BATCH_SIGNALS"] = self._chance(0.3)
        found["USE_TZ"] = self._chance(0.8)
        found["TIME_ZONE"] = self._pick(ZONES) if self._chance(0.5) else "UTC"
        if self._options:
            found["SYNCHRO_OPTIONS"] = dict(self._options)
        return found

    def _zones(self) -> dict[str, str]:
        return {alias: self._pick(ZONES) for alias in ("default", "remote") if self._chance(0.3)}

    # Models ---------------------------------------------------------------------------------------

    def _model(self, name: str) -> Draft:
        roots = [each for each in self._drafts if each.kind == "root" and each.key != "composite"]
        if roots and self._chance(0.35):
            made = self._derived(name, roots)
        else:
            made = Draft(name)
            self._add_key(made)
        if made.kind == "proxy":
            return made
        letter = made.letter
        if made.kind == "shared":
            return made
        made.lines.append(f"mark_{letter} = models.CharField(max_length=80, default='')")
        made.lines.append(f"note_{letter} = models.CharField(max_length=120, null=True)")
        for number in range(self._random.randint(0, 3)):
            made.plain.append(f"v{number}_{letter}")
            made.lines.append(f"v{number}_{letter} = {self._pick(PLAIN).replace('column x', f'column {number}')}")
        self._add_unique(made)
        self._add_relations(made)
        self._add_meta(made)
        if made.kind == "root":
            self._add_natural_key(made)
            self._add_managers(made)
        if self._chance(0.2):
            self._add_save(made)
        return made

    def _derived(self, name: str, roots: list[Draft]) -> Draft:
        base = self._pick(roots)
        kind = self._pick(("child", "child", "own key", "two parents", "proxy", "shared"))
        if kind == "proxy":
            made = Draft(name, base.name, [], ["proxy = True"], key=base.key, kind="proxy", base=base)
            if base.plain and self._chance(0.5):
                made.meta.append(f"ordering = ['-{self._pick(base.plain)}']")
            made.lines.append("pass")
            return made
        if kind == "shared" and not any("db_table" in line for line in base.meta):
            wanted = (f"{base.letter}_no", f"mark_{base.letter}", f"note_{base.letter}")
            lines = [line for line in base.lines if line.startswith(wanted)]
            meta = [f"db_table = 'shapefuzz_{base.letter}'", "managed = False"]
            return Draft(name, "models.Model", lines, meta, key=base.key, kind="shared", base=base)
        other = self._pick(roots)
        ordered = [each for each in (base, other) if any("order_with_respect_to" in line for line in each.meta)]
        fits = other is not base and "Natural" not in base.bases + other.bases
        if kind == "two parents" and fits and len(ordered) < 2:  # two fields of a name are an error of Django's checks
            return Draft(name, f"{base.name}, {other.name}", key=base.key, kind="child", base=base)
        made = Draft(name, base.name, key=base.key, kind="child", base=base)
        if kind == "own key":
            made.kind = "own key"
            self._add_key(made)
            made.lines.append(
                f"{base.letter}_ptr = models.OneToOneField({base.name}, models.CASCADE, parent_link=True)"
            )
        return made

    def _add_key(self, made: Draft) -> None:
        name = f"{made.letter}_no"
        targets = [each for each in self._drafts if each.is_target and each.kind != "proxy"]
        if self._chance(0.55):
            made.lines.append(f"{name} = models.{self._pick(AUTOMATIC)}(primary_key=True)")
            if made.kind == "root" and self._chance(0.2):
                self._options[f"shapefuzz.{made.name}"] = {"identity": "pk"}
        elif made.kind == "root" and targets and self._chance(0.15):
            made.key = "one-to-one"
            target = self._pick(targets)
            made.lines.append(
                f"{name} = models.OneToOneField('{target.name}', models.CASCADE, primary_key=True, related_name='+')"
            )
        elif made.kind == "root" and self._chance(0.12):
            made.key = "composite"
            made.lines.append(f"pk = models.CompositePrimaryKey('{name}', '{name}2')")
            made.lines.append(f"{name} = models.IntegerField(default=0)")
            made.lines.append(f"{name}2 = models.CharField(max_length=20)")
        else:
            made.key = "own"
            made.lines.append(f"{name} = {self._pick(OWN_KEYS)}")

    def _add_unique(self, made: Draft) -> None:
        name = f"u_{made.letter}"
        if self._chance(0.5):
            null = self._chance(0.4)
            kind = self._pick(("IntegerField(", "CharField(max_length=20, "))
            together = self._chance(0.25)
            made.lines.append(f"{name} = models.{kind}{'null=True, ' * null}{'unique=True' * (not together)})")
            made.unique.append(name)
            if together:
                made.lines[-1] = made.lines[-1].replace(", )", ")")

    def _add_relations(self, made: Draft) -> None:
        letter = made.letter
        targets = [each for each in self._drafts if each.is_target]
        for number in range(self._pick((0, 1, 1, 2))):
            itself = self._chance(0.15) and made.key != "composite"
            if not targets and not itself:
                continue
            target = made if itself else self._pick(targets)
            made.relations.append(f"r{number}_{letter}")
            made.lines.append(f"r{number}_{letter} = {self._foreign_key(made, target, number)}")
        if made.key != "composite" and targets and self._chance(0.3):
            target = made if self._chance(0.2) else self._pick(targets)
            where = "'self'" if target is made else f"'{target.name}'"
            name = "" if target is made else f", related_name='{letter}_m'"
            made.lines.append(f"m_{letter} = models.ManyToManyField({where}{name})")
        if targets and self._chance(0.15):
            made.lines.append(
                f"ct_{letter} = models.ForeignKey(ContentType, models.CASCADE, null=True, related_name='+')"
            )
            made.lines.append(f"oid_{letter} = models.CharField(max_length=60, null=True)")
            made.lines.append(f"g_{letter} = GenericForeignKey('ct_{letter}', 'oid_{letter}')")

    def _foreign_key(self, made: Draft, target: Draft, number: int) -> str:
        on_delete = self._pick(ON_DELETE)
        null = target is made or on_delete in ("SET_NULL", "SET_DEFAULT", "SET(None)") or self._chance(0.5)
        kind = "OneToOneField" if self._chance(0.12) else "ForeignKey"
        more = [f"'{target.name}'", f"models.{on_delete}", f"related_name='{made.letter}_{number}'"]
        if null:
            more.append("null=True")
        if on_delete == "SET_DEFAULT":
            more.append("default=None")
        own = next((line for line in target.lines if line.startswith("u_") and "unique=True" in line), "")
        if own and "null" not in own and self._chance(0.4):
            more.append(f"to_field='{own.split(' ')[0]}'")
        elif self._chance(0.1):
            more.append("db_constraint=False")
        return f"models.{kind}({', '.join(more)})"

    def _add_meta(self, made: Draft) -> None:
        unique, relations = made.unique, made.relations
        apart = [
            name
            for name in unique
            if any(line.startswith(f"{name} ") and "unique=True" not in line for line in made.lines)
        ]
        if apart:
            names = [*apart, *relations[:1]] or apart
            made.meta.append(
                f"constraints = [models.UniqueConstraint(fields={names}, name='{made.letter}_together')]"
                if len(names) < 2 or self._chance(0.5)
                else f"unique_together = [{tuple(names)}]"
            )
        if relations and self._chance(0.1) and made.kind == "root":
            made.meta.append(f"order_with_respect_to = '{relations[0]}'")
        elif self._chance(0.3):
            ways = [*made.plain, *made.unique, *(f"-{name}" for name in made.plain)]
            target = next((line for line in made.lines if relations and line.startswith(relations[0])), "")
            deep = target.partition("'")[2].partition("'")[0]
            # Not by a key to itself: that is a loop.
            ways += [relations[0]] if deep and deep != made.name else []
            ways += [f"{relations[0]}__mark_{deep.lower()}"] * 2 if deep and self._is_table(deep, made) else []
            if ways:
                made.meta.append(f"ordering = ['{self._pick(ways)}']")
        if made.kind == "root" and self._chance(0.08):
            made.meta.append(f'db_table = "Odd {made.letter}\'s Table"')

    def _is_table(self, name: str, made: Draft) -> bool:
        return name == made.name or any(each.name == name and each.is_table for each in self._drafts)

    def _add_natural_key(self, made: Draft) -> None:
        if not made.unique or f"shapefuzz.{made.name}" in self._options or not self._chance(0.45):
            return
        names = list(made.unique)
        if any(line.startswith("unique_together") or "fields=" in line for line in made.meta):
            names += made.relations[:1]
        way = self._pick(("option", "option", "methods", "by hand", "model"))
        if way == "option":
            self._options.setdefault(f"shapefuzz.{made.name}", {})["natural_key"] = tuple(names)
        elif way == "model":
            made.bases = "NaturalKeyModel"
            made.lines.append(f"_natural_key = {tuple(names)}")
        else:
            got = ", ".join(f"self.{name}" for name in names)
            manager = f"NaturalManager({', '.join(map(repr, names))})" if way == "methods" else "KeyedByHand()"
            if way == "by hand":
                made.lines.append(f"BY_HAND = {tuple(names)}")
            made.lines.append(f"objects = {manager}")
            made.lines.append(f"def natural_key(self):\n    return ({got},)")

    def _add_managers(self, made: Draft) -> None:
        if any(line.startswith("objects") for line in made.lines) or made.bases == "NaturalKeyModel":
            return
        if self._chance(0.2):
            made.lines.append(f"objects = {self._pick(('Hiding', 'Forgetful'))}()")

    # What writes elsewhere ------------------------------------------------------------------------

    def _add_save(self, made: Draft) -> None:
        from tests.shapefuzz.observing import save_method

        others = [each for each in self._drafts if each.is_table]
        if others:
            made.lines.append(save_method(made, others, self._random))

    def _trigger(self, draft: Draft) -> TriggerPlan:
        kind = self._pick(("cancel", "redirect", "change", "elsewhere"))
        return TriggerPlan(draft.name, kind, self._pick([each.name for each in self._drafts if each.is_table]))
