"""Recipes: one TOML file that says what is made and how. In as frozen attrs, errors out with a
path and a "did you mean", JSON schema out.

A recipe is read in three steps: `extends` is merged in, the tables are structured into the classes
below, and `resolve` holds what they name against the plugins that are there. After that nothing
in a recipe can be unknown, of the wrong type, or read by nobody.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import field, frozen, validators

from heimdall_core import execution
from heimdall_core.config import (
    READ_BY_CORE,
    TrainingConfig,
    says_what_is_wrong,
)
from heimdall_core.dataset.correct import CorrectOptions
from heimdall_core.dataset.remote import has_secret, shown
from heimdall_core.dataset.split import SplitOptions
from heimdall_core.dataset.validate import ValidateOptions
from heimdall_core.errors import PluginError, RecipeError, did_you_mean
from heimdall_core.recipe_data import (
    Table,
    canonical,
    extend,
    override_in,
    read_recipe,
    read_toml,
)
from heimdall_core.registry import Registry
from heimdall_core.structure import structure, unstructure
from heimdall_core.trackers import check_trackers
from heimdall_core.types import CONTEXT_SIZES, Evaluator

#: Far above any share that means something, and still a number of every kind.
_MOST_WEIGHT: Final = 1_000_000_000


@frozen(kw_only=True)
class PluginsTable:
    """Which plugins may and must be there."""

    block: tuple[str, ...] = ()
    """Plugins that are not loaded, by entry-point name."""
    require: tuple[str, ...] = ()
    """Plugins that must be loaded, such as `acme-fraud>=1.2`."""
    allow: tuple[str, ...] | None = None
    """The only third-party plugins, or distributions, that are loaded; none for all of them."""


@says_what_is_wrong
@frozen(kw_only=True)
class GenerateTable:
    """What the dataset is made of."""

    num_examples: int = field(default=5000, validator=validators.gt(0))
    """Rows wanted in all; shared out by weight."""
    check: bool = True
    """Put every row through its language's checker; rows with an error are rejected and listed."""
    dialect: str = ""
    """Dialect that the checker holds rows against; empty for the language's default."""
    max_rejected: float = field(default=0.0, validator=[validators.ge(0), validators.le(1)])
    """Share of rows that the checker may reject; more stops the run."""
    max_context_size: str = field(default="", validator=validators.in_(("", *CONTEXT_SIZES)))
    """Largest `context_size` of a row: `small` (512 tokens), `medium` (1024), `large` (2048), `xl`
    (4096) or `max` (8192); empty for any. Larger rows are passed over and counted."""
    mix: Mapping[str, Table] = field(factory=dict)
    """One table per generator, by name: its `weight` (default 1) and its own options."""


@frozen(kw_only=True)
class ExportTable:
    """What is made of the trained model."""

    exporters: tuple[str, ...] = ("gguf",)
    """Exporter plugins, by name."""
    options: Mapping[str, Table] = field(factory=dict)
    """One table of options per exporter."""


@says_what_is_wrong
@frozen(kw_only=True)
class VerifyTable:
    """The proof that what was exported is what was trained."""

    texts: int = field(default=200, validator=validators.gt(0))
    """Texts whose token ids are compared."""
    answers: int = field(default=50, validator=validators.gt(0))
    """Prompts whose greedy answers are compared."""


@says_what_is_wrong
@frozen(kw_only=True)
class EvaluateTable:
    """How the exported model is measured."""

    artefacts: tuple[str, ...] = ("Q4_K_M",)
    """Kinds of the files to measure, and `model` for the trained directory; the first is the
    headline."""
    metrics: tuple[str, ...] = ("exact_match", "perplexity")
    """Evaluator plugins, by name."""
    runtime: str | None = None
    """Runtime plugin; none for the one that takes the file."""
    max_rows: int = field(default=1000, validator=validators.gt(0))
    """Test rows that are asked, at most, in each test set; drawn evenly."""
    max_new_tokens: int = field(default=256, validator=validators.gt(0))
    """Longest answer. Answers that reach it are counted as cut off."""
    questions: int = field(default=3, validator=validators.ge(0))
    """Questions whose answers the summary shows."""
    targets: Mapping[str, float] = field(factory=dict)
    """Targets by metric, in place of the evaluators' own."""
    options: Mapping[str, Table] = field(factory=dict)
    """One table of options per evaluator."""


def _plain_name(instance: object, attribute: Any, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise ValueError(f"'{attribute.name}' must be letters, digits, '.', '_' and '-': {value!r}")


@says_what_is_wrong
@frozen(kw_only=True)
class Recipe:
    """A whole run, from generation to measurement."""

    name: str = field(default="run", validator=_plain_name)
    """Name of the run; its folder below `runs/`."""
    description: str = ""
    """One line for listings."""
    author: str = ""
    """Written into the exported file."""
    licence: str = "MIT"
    """SPDX licence of the made model, written into the exported file."""
    seed: int = field(default=7, validator=validators.ge(0))
    """Fixes rows, splits, initial weights and data order."""
    executor: Table = field(factory=dict)
    """Where the data stages spread their work: the `name` of an executor, and its own options.
    Empty for processes of this machine. Changes no row and no figure."""
    plugins: PluginsTable = PluginsTable()
    generate: GenerateTable = GenerateTable()
    validate: ValidateOptions = field(factory=ValidateOptions)
    correct: CorrectOptions = field(factory=CorrectOptions)
    split: SplitOptions = field(factory=SplitOptions)
    train: TrainingConfig = field(factory=TrainingConfig)
    export: ExportTable = ExportTable()
    verify: VerifyTable = VerifyTable()
    evaluate: EvaluateTable = EvaluateTable()
    given: frozenset[str] = field(default=frozenset(), metadata={"hidden": True}, eq=False)
    """Keys of `[train]` that were written down; not a recipe key itself."""

    @classmethod
    def load(cls, source: str | Path, registry: Registry, overrides: Iterable[str] = ()) -> Recipe:
        """A recipe from a TOML file or a preset's name, with `key.path=value` overrides.

        Raises `RecipeError` with every mistake, one per line.
        """
        data = read_recipe(source, registry)
        data.setdefault("name", Path(source).stem)
        for override in overrides:
            override_in(data, override)
        return cls.from_dict(data, registry)

    @classmethod
    def from_dict(cls, data: Table, registry: Registry | None = None) -> Recipe:
        """A recipe from plain data as TOML gives it. `extends` needs the registry."""
        merged = canonical(dict(data))
        if "extends" in merged:
            if registry is None:
                raise RecipeError(
                    "naming a preset needs a registry", where="extends", hint="pass registry=…"
                )
            merged = extend(merged, registry, ())
        if "given" in merged:
            raise RecipeError("unknown key; it is not for recipes", where="given")
        train = merged.get("train")
        _refuse_secrets(merged, "")
        recipe = structure(merged, cls)
        return attrs.evolve(recipe, given=frozenset(train if isinstance(train, Mapping) else ()))

    def resolve(self, registry: Registry) -> Recipe:
        """The recipe with every plugin's options filled in.

        Raises `RecipeError` or `PluginError` for a plugin that is not there, an option that it
        does not have, a training setting that the trainer does not read, and a table that
        belongs to no plugin in use.
        """
        registry.require(self.plugins.require)
        if not self.generate.mix:
            raise RecipeError(
                "names no generator",
                where="generate.mix",
                hint=f"add a table such as [generate.mix.cypher]. "
                f"Available: {', '.join(registry.names('generator'))}",
            )
        mix = {name: self._mix_table(registry, name) for name in self.generate.mix}
        export = _options(
            registry, "exporter", "export", self.export.exporters, self.export.options
        )
        evaluate = _options(
            registry, "evaluator", "evaluate", self.evaluate.metrics, self.evaluate.options
        )
        if self.evaluate.runtime is not None:
            _named(registry, "runtime", self.evaluate.runtime, "evaluate.runtime")
        for metric, target in self.evaluate.targets.items():
            if metric not in self.evaluate.metrics:
                raise RecipeError(
                    "is no metric of this recipe",
                    where=f"evaluate.targets.{metric}",
                    hint=did_you_mean(metric, self.evaluate.metrics),
                )
            _check_target(registry.evaluator(metric), target)
        resolved = attrs.evolve(
            self,
            executor=execution.resolved(registry, self.executor),
            generate=attrs.evolve(self.generate, mix=mix),
            train=self.training(registry),
            export=attrs.evolve(self.export, options=export),
            evaluate=attrs.evolve(self.evaluate, options=evaluate),
        )
        resolved._check_artefacts(registry)
        return resolved

    def to_dict(self, registry: Registry | None = None) -> dict[str, Any]:
        """Plain data that `from_dict` reads back. With a registry, `[train]` holds just the
        settings that the trainer reads."""
        data: dict[str, Any] = unstructure(self)
        del data["given"]
        if registry is not None:
            reads = registry.trainer(self.train.trainer_name).reads | READ_BY_CORE
            data["train"] = {k: v for k, v in data["train"].items() if k in reads}
        return data

    def to_toml(self, registry: Registry | None = None) -> str:
        """The recipe as a file that can be run again."""
        import tomli_w

        return tomli_w.dumps(self.to_dict(registry))

    def generator_options(self, registry: Registry, name: str) -> Any:
        """The options object of a generator in the mix."""
        table = {k: v for k, v in self.generate.mix[name].items() if k != "weight"}
        generator = _named(registry, "generator", name, f"generate.mix.{name}")
        return structure(table, generator.options, f"generate.mix.{name}")

    def _mix_table(self, registry: Registry, name: str) -> Table:
        where = f"generate.mix.{name}"
        _named(registry, "generator", name, where)
        weight = self.generate.mix[name].get("weight", 1.0)
        if type(weight) not in (int, float) or not 0 < weight <= _MOST_WEIGHT:
            raise RecipeError(
                f"expected a number above 0 and up to {_MOST_WEIGHT:,}, found {repr(weight)[:40]}",
                where=f"{where}.weight",
            )
        options = self.generator_options(registry, name)
        return {"weight": float(weight), **unstructure(options)}

    def training(self, registry: Registry) -> TrainingConfig:
        """The training settings with the trainer's own defaults filled in. Raises `RecipeError`
        for one that was written down and that the trainer does not read."""
        name = self.train.trainer_name
        trainer = _named(registry, "trainer", name, "train.trainer")
        defaults = {f.name: f.default for f in attrs.fields(TrainingConfig)}
        given = self.given or {k for k, d in defaults.items() if getattr(self.train, k) != d}
        for key in sorted(given - trainer.reads - READ_BY_CORE):
            raise RecipeError(
                f"is not read by the trainer '{name}'",
                where=f"train.{key}",
                hint=f"remove it. It reads: {', '.join(sorted(trainer.reads))}",
            )
        missing = {k: v for k, v in trainer.defaults.items() if k not in given}
        data = {**unstructure(self.train), **missing, "trainer": name}
        config = structure(data, TrainingConfig, "train")
        check_trackers(config, registry)
        return config

    def _check_artefacts(self, registry: Registry) -> None:
        kinds = {"model"}
        for name in self.export.exporters:
            exporter = registry.exporter(name)
            if exporter.kinds is None:
                return  # it cannot say beforehand; the evaluate stage looks at the files
            options: Any = structure(self.export.options[name], exporter.options)
            kinds |= {kind.rpartition(":")[2] for kind in exporter.kinds(options)}
        for wanted in self.evaluate.artefacts:
            if wanted not in kinds:
                raise RecipeError(
                    f"'{wanted}' is not exported by this recipe",
                    where="evaluate.artefacts",
                    hint=did_you_mean(wanted, kinds),
                )


def _refuse_secrets(value: object, where: str) -> None:
    """A recipe is saved beside what it makes, so no URL in it carries a password or a query that
    signs it."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            _refuse_secrets(each, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for each in value:
            _refuse_secrets(each, where)
    elif isinstance(value, str) and has_secret(value):
        raise RecipeError(
            f"{shown(value)} carries a password or a query, and recipes are saved",
            where=where,
            hint="leave it to the environment, as the driver reads it",
        )


def trust_of(source: str | Path, overrides: Iterable[str] = ()) -> PluginsTable:
    """What a recipe file, or an override, says of plugins: read before any plugin is imported.
    What is not a list of names is left for the recipe's own check to say."""
    path = Path(source)
    data = read_toml(path) if path.suffix == ".toml" or path.is_file() else {}
    for override in overrides:
        if override.startswith("plugins."):
            override_in(data, override)
    table = data.get("plugins")
    table = table if isinstance(table, Mapping) else {}
    block, allow = (_names(table.get(key)) for key in ("block", "allow"))
    return PluginsTable(block=block or (), allow=allow)


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    return tuple(name for name in value if isinstance(name, str))


def _options(
    registry: Registry, role: str, table: str, names: Iterable[str], given: Mapping[str, Table]
) -> dict[str, Table]:
    used = {name: _named(registry, role, name, table) for name in names}
    for name in given:
        if name not in used:
            raise RecipeError(
                f"belongs to no {role} of this recipe",
                where=f"{table}.options.{name}",
                hint=did_you_mean(name, used),
            )
    return {
        name: unstructure(structure(given.get(name, {}), plugin.options, f"{table}.options.{name}"))
        for name, plugin in used.items()
    }


def _check_target(evaluator: Evaluator, target: float) -> None:
    """Refuses a target that no model can reach, or that none can miss."""
    low, high = evaluator.bounds or (-math.inf, math.inf)
    if low <= target <= high:
        return
    span = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
    share = (low, high) == (0, 1) and 2 <= target <= 100
    raise RecipeError(
        f"{target:g} is outside of what the metric can be: {span}",
        where=f"evaluate.targets.{evaluator.name}",
        hint=f"write {target / 100:g} for {target:g} %" if share else "",
    )


def _named(registry: Registry, role: str, name: str, where: str) -> Any:
    try:
        return getattr(registry, role)(name)
    except PluginError as error:
        raise PluginError(error.message, where=where, hint=error.hint) from error
