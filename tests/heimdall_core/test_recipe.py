"""Recipes: what is wrong is told with path, value and what would be right."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import Recipe, Registry, TrainingConfig
from heimdall_core.errors import HeimdallError, PluginError, RecipeError
from heimdall_core.recipe import trust_of
from heimdall_core.recipe_data import merge
from heimdall_core.schema import class_schema, recipe_schema


@pytest.fixture
def registry() -> Registry:
    from heimdall_core import presets

    return Registry(discover=False, plugins=[("toy", toy_plugins), ("presets", presets)])


def resolve(registry: Registry, changes: dict[str, Any]) -> Recipe:
    return Recipe.from_dict(merge(RECIPE, changes), registry).resolve(registry)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean 'train'?"),
        ({"train": {"learning_rte": 1}}, "train.learning_rte = 1: unknown key"),
        (
            {"train": {"epoch": 3}},
            "train.epoch = 3: unknown key; did you mean 'epochs' (short for ",
        ),
        ({"train": {"batchsize": 3}}, "'batch_size' (short for 'per_device_train_batch_size')"),
        ({"train": {"learning_rate": "fast"}}, "train.learning_rate: expected a number"),
        ({"train": {"lora_r": 8}}, "train.lora_r: is not read by the trainer 'toy'"),
        ({"train": {"trainer": "tyo"}}, "train.trainer: unknown trainer 'tyo'; did you mean 'toy'"),
        ({"train": {"epochs": 2, "num_train_epochs": 3}}, "is given twice"),
        ({"generate": {"mix": {"tory": {}}}}, "generate.mix.tory: unknown generator 'tory'"),
        ({"generate": {"mix": {"toy": {"wrd": "x"}}}}, "generate.mix.toy.wrd = 'x': unknown key"),
        ({"generate": {"mix": {"toy": {"wrong": -1}}}}, "generate.mix.toy.wrong: must be >= 0"),
        ({"generate": {"mix": {"toy": {"weight": 0}}}}, "generate.mix.toy.weight: expected a num"),
        ({"generate": {"mix": {"toy": {"weight": 10**400}}}}, "toy.weight: expected a num"),
        ({"generate": {"mix": {"toy": {"weight": float("inf")}}}}, "toy.weight: expected a num"),
        ({"generate": {"num_examples": 0}}, "generate.num_examples: must be > 0, found 0"),
        ({"export": {"options": {"gguf": {}}}}, "export.options.gguf: belongs to no exporter"),
        ({"export": {"options": {"toy": {"tipes": []}}}}, "export.options.toy.tipes"),
        ({"evaluate": {"metrics": ["sme"]}}, "evaluate: unknown evaluator 'sme'; did you mean 'sa"),
        ({"evaluate": {"targets": {"sma": 1.0}}}, "evaluate.targets.sma: is no metric"),
        (
            {"evaluate": {"metrics": ["share"], "targets": {"share": 70}}},
            "evaluate.targets.share: 70 is outside of what the metric can be: 0 to 1; "
            "write 0.7 for 70 %",
        ),
        (
            {"evaluate": {"metrics": ["share"], "targets": {"share": -0.1}}},
            "-0.1 is outside of what the metric can be: 0 to 1",
        ),
        (
            {"evaluate": {"metrics": ["open"], "targets": {"open": 0.5}}},
            "0.5 is outside of what the metric can be: 1 or more",
        ),
        ({"evaluate": {"artefacts": ["T2"]}}, "evaluate.artefacts: 'T2' is not exported"),
        ({"evaluate": {"runtime": "tpu"}}, "evaluate.runtime: unknown runtime 'tpu'"),
        ({"split": {"validation": 1.5}}, "split.validation: must be < 1, found 1.5"),
        ({"name": "../away"}, "name: must be letters, digits"),
        ({"name": ""}, "name: must be letters, digits"),
        ({"given": ["x"]}, "given: unknown key"),
        ({"plugins": {"require": ["acme>=2"]}}, "plugins.require: the required plugin 'acme' is"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_mistakes_are_told(registry: Registry, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(HeimdallError) as raised:
        resolve(registry, changes)
    assert said in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_preset_says_what_its_file_says(registry: Registry) -> None:
    """Its line for listings is read without parsing the file, which waits until it is wanted."""
    for preset in registry.presets():
        assert preset.summary == preset.recipe["description"]
        assert dict(preset.recipe) == tomllib.loads(tomli_w.dumps(preset.recipe))


def test_a_recipe_without_generators_says_what_exists(registry: Registry) -> None:
    with pytest.raises(RecipeError, match=r"names no generator.*Available: toy"):
        Recipe.from_dict({"name": "x"}, registry).resolve(registry)


def test_a_setting_that_equals_the_default_is_still_refused(registry: Registry) -> None:
    default = TrainingConfig().lora_r
    with pytest.raises(RecipeError, match="is not read by the trainer"):
        resolve(registry, {"train": {"lora_r": default}})


def test_resolved_recipes_are_complete_and_read_back(registry: Registry) -> None:
    recipe = resolve(registry, {})
    data = tomllib.loads(recipe.to_toml(registry))
    assert data["generate"]["mix"]["toy"] == {
        "weight": 1.0,
        "word": "item",
        "wrong": 0,
        "copies": 0,
        "most": 10**6,
    }
    assert set(data["train"]) == {"trainer", "learning_rate", "trackers"}
    again = Recipe.from_dict(data, registry).resolve(registry)
    assert again.to_dict(registry) == recipe.to_dict(registry)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_overrides_are_toml_and_short_names_work(registry: Registry, tmp_path: Path) -> None:
    file = write(
        tmp_path / "mine.toml",
        "[generate.mix.toy]\n[train]\ntrainer = 'toy'\nlearning_rate = 1\nnum_train_epochs = 9\n",
    )
    recipe = Recipe.load(
        file, registry, ["train.epochs=3", "generate.mix.toy.word=box", "split.test=0.2"]
    )
    assert recipe.name == "mine"
    assert recipe.train.num_train_epochs == 3
    assert recipe.generate.mix["toy"]["word"] == "box"
    assert recipe.split.test == 0.2


@pytest.mark.parametrize("override", ["train.epochs", "=3", "a..b=1"])
def test_unreadable_overrides_are_refused(registry: Registry, override: str) -> None:
    with pytest.raises(RecipeError, match="cannot read the override"):
        Recipe.load("nano", registry, [override])


def test_a_preset_is_extended_and_keeps_its_tables(registry: Registry, tmp_path: Path) -> None:
    file = write(tmp_path / "mine.toml", "extends = 'nano'\n[train]\nlearning_rate = 0.5\n")
    nano, mine = Recipe.load("nano", registry), Recipe.load(file, registry)
    assert (mine.name, nano.name) == ("mine", "nano")
    assert mine.train.learning_rate == 0.5
    assert mine.train.hidden_size == nano.train.hidden_size
    assert mine.generate == nano.generate


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends = 'nanoo'", "unknown preset 'nanoo'; did you mean 'nano'?"),
        ("extends = 5", "extends: expected a preset's name, found 5"),
        ("a = ", "not valid TOML"),
        ("[train]\nlearning_rate = 1e-4x", "not valid TOML"),
    ],
)
def test_bad_files_are_told(registry: Registry, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        Recipe.load(write(tmp_path / "bad.toml", text), registry)
    assert said in str(raised.value)


def test_missing_and_undecodable_files_are_told(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        Recipe.load(tmp_path / "none.toml", registry)
    with pytest.raises(RecipeError, match="did you mean 'nano'"):
        Recipe.load("nanu", registry)
    (tmp_path / "latin.toml").write_bytes(b"description = '\xe9'")
    with pytest.raises(RecipeError, match="UTF-8"):
        Recipe.load(tmp_path / "latin.toml", registry)


def test_a_broken_plugin_named_in_a_recipe_stops_it(registry: Registry) -> None:
    with pytest.raises(PluginError, match="unknown generator 'fraud'"):
        resolve(registry, {"generate": {"mix": {"fraud": {}}}})


def test_the_schema_knows_every_key_and_the_plugins_options(registry: Registry) -> None:
    schema = recipe_schema(registry)
    train = schema["properties"]["train"]
    assert train["properties"]["lora_r"]["type"] == "integer"
    assert train["properties"]["precision"]["enum"] == ["auto", "fp32", "fp16", "bf16"]
    assert "given" not in schema["properties"]
    mix = schema["properties"]["generate"]["properties"]["mix"]["properties"]
    assert mix["toy"]["properties"]["word"] == {
        "type": "string",
        "default": "item",
        "description": "What is counted.",
    }
    assert mix["toy"]["additionalProperties"] is False


def test_every_training_setting_has_a_help_text() -> None:
    for name, entry in class_schema(TrainingConfig)["properties"].items():
        assert entry.get("description"), name


def test_a_short_name_over_a_preset_with_the_long_one(registry: Registry, tmp_path: Path) -> None:
    file = write(tmp_path / "mine.toml", "extends = 'nano'\n[train]\nepochs = 7\nbatch_size = 5\n")
    recipe = Recipe.load(file, registry)
    assert recipe.train.num_train_epochs == 7
    assert recipe.train.per_device_train_batch_size == 5
    wrong = write(tmp_path / "wrong.toml", "extends = 'nano'\n[train]\nepochs = 'three'\n")
    with pytest.raises(RecipeError, match=r"train\.num_train_epochs: expected a number"):
        Recipe.load(wrong, registry)


def test_what_a_recipe_blocks_is_known_before_any_plugin_is_loaded(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.toml", "[plugins]\nblock = ['acme-bomb']\n")
    assert trust_of(file).block == ("acme-bomb",)
    assert trust_of(file, ["plugins.block=['other']"]).block == ("other",)
    assert trust_of("nano").block == ()
    assert trust_of(write(tmp_path / "wrong.toml", "[plugins]\nblock = 5\n")).block == ()


def test_replacing_metrics_takes_their_targets_along(registry: Registry, tmp_path: Path) -> None:
    """A recipe swaps an evaluator with one line, whatever targets its preset has."""
    preset = Recipe.load("nano_quick", Registry())
    assert {"exact_match", "cypher_syntax"} <= set(preset.evaluate.targets)
    file = write(
        tmp_path / "own.toml",
        'extends = "nano_quick"\n[evaluate]\nmetrics = ["cypher_syntax"]\n',
    )
    found = Recipe.load(file, Registry())
    assert set(found.evaluate.targets) == {"cypher_syntax"}
    found.resolve(Registry())
    swapped = Recipe.load("nano_quick", Registry(), ["evaluate.metrics=['perplexity']"])
    assert set(swapped.evaluate.targets) == {"perplexity"}
    wrong = write(
        tmp_path / "wrong.toml",
        'extends = "nano_quick"\n[evaluate]\nmetrics = ["perplexity"]\n'
        "[evaluate.targets]\nexact_match = 1\n",
    )
    with pytest.raises(RecipeError, match=r"targets\.exact_match: is no metric"):
        Recipe.load(wrong, Registry()).resolve(Registry())


@pytest.mark.parametrize(
    "url", ["https://host/rows.jsonl?sig=hush", "s3://key:hush@bucket/rows", "ftp://me:hush@h/x"]
)
def test_a_recipe_carries_no_secret_in_a_url(url: str) -> None:
    with pytest.raises(
        RecipeError, match=r"train\.replay_dataset: .*carries a password"
    ) as refused:
        Recipe.from_dict({"name": "x", "train": {"replay_dataset": url}})
    assert "hush" not in str(refused.value)
    Recipe.from_dict({"name": "x", "train": {"replay_dataset": "s3://bucket/rows"}})


def test_a_tracker_that_nobody_is_is_named() -> None:
    plugins = Registry(third_party=False, environ={})

    def settings(*trackers: str, **more: str) -> None:
        Recipe.load(
            "nano",
            plugins,
            [
                f"train.trackers={json.dumps(list(trackers))}",
                *(f'train.{key}="{value}"' for key, value in more.items()),
            ],
        ).training(plugins)

    with pytest.raises(RecipeError, match="the tracker 'tensorbord'; did you mean 'tensorboard'"):
        settings("tensorbord")
    with pytest.raises(RecipeError, match="the tracker 'cypher'"):  # eval-cypher tracks nothing
        settings("cypher")
    with pytest.raises(RecipeError, match="names 'wandb', and wandb_project is not set"):
        settings("files", "wandb")
    settings("files", "wandb", wandb_project="mine")
    settings()
