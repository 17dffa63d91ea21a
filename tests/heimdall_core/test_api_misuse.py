"""The core called from Python with what it does not take: one line says what instead."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import (
    Generator,
    HeimdallError,
    Recipe,
    Registry,
    TrainingConfig,
    hookimpl,
    run,
)
from heimdall_core.errors import PluginError, RecipeError
from heimdall_core.recipe import GenerateTable


class Rows:
    @hookimpl
    def heimdall_generators(self) -> Iterator[Generator]:
        yield Generator("rows", "made for a test", ("c",), lambda context, options: iter(()))


class Static:
    @staticmethod
    @hookimpl
    def heimdall_generators() -> Iterator[Generator]:
        yield Generator("static", "made for a test", ("c",), lambda context, options: iter(()))


# --- Registry(plugins=…) -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        ([Rows], "Rows is a class, and its hooks are methods of an object; give an instance"),
        ([("mine", Rows)], "give an instance: Rows()"),
        ([("mine", Rows(), 3)], "a pair (name, plugin), found a tuple of (str, Rows, int)"),
        ([(Rows(), "mine")], "a pair (name, plugin), found a tuple of (Rows, str)"),
        ([()], "found a tuple of ()"),
        (["acme_fraud.plugin"], "'acme_fraud.plugin' is a text, no plugin; give the module itself"),
        ([None], "expected a module or object with hook functions, found NoneType None"),
        ([["mine", Rows()]], "expected a module or object with hook functions, found list"),
        ("acme", "expected a list of plugins, found str 'acme'"),
        (Rows(), "expected a list of plugins, found Rows; write plugins=[…], even for one"),
        (toy_plugins, "expected a list of plugins, found module"),
        ({"mine": Rows()}, "'mine' is a text, no plugin"),
    ],
)
def test_what_is_no_plugin_is_told(plugins: Any, said: str) -> None:
    with pytest.raises(PluginError) as refused:
        Registry(discover=False, plugins=plugins)
    assert said in str(refused.value)
    assert str(refused.value).startswith("Registry(plugins=…): ")
    assert "\n" not in str(refused.value)


def test_what_is_one_is_taken() -> None:
    given: list[Any] = [Rows(), ("static", Static), ("toy", toy_plugins)]
    registry = Registry(discover=False, plugins=iter(given))
    assert {"rows", "static", "toy"} <= set(registry.names("generator"))


# --- run -----------------------------------------------------------------------------------------


def preset_registry() -> Registry:
    from heimdall_core import Preset

    @hookimpl
    def heimdall_presets() -> Iterator[Preset]:
        yield Preset("small", "made for a test", RECIPE)

    own = SimpleNamespace(heimdall_presets=heimdall_presets)
    return Registry(discover=False, plugins=[("toy", toy_plugins), ("own", own)])


def test_a_presets_name_is_a_recipe(tmp_path: Path) -> None:
    result = run("small", registry=preset_registry(), runs=str(tmp_path), until="generate")
    assert result.folder == tmp_path / result.name
    assert result.stages["generate"].record.counts["rows"] > 0


def test_a_recipes_file_is_a_recipe_and_says_whom_it_trusts(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    recipe = Recipe.from_dict({**RECIPE, "name": "mine"}, preset_registry())
    path.write_text(recipe.to_toml(preset_registry()), encoding="utf-8")
    result = run(path, registry=preset_registry(), runs=tmp_path, until="generate")
    assert result.name == "mine"


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("smal", "no preset and no file is called 'smal'; did you mean 'small'?"),
        (RECIPE, "expected a Recipe, or the name of a preset or file, found dict; make one of "),
        (None, "found NoneType"),
    ],
    ids=["name", "table", "none"],
)
def test_what_is_no_recipe_is_told(tmp_path: Path, recipe: Any, said: str) -> None:
    with pytest.raises(RecipeError) as refused:
        run(recipe, registry=preset_registry(), runs=tmp_path)
    assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lora_r": -1}, "lora_r: must be > 0, found -1"),
        ({"lora_r": "8"}, "lora_r: expected a whole number, found '8'"),
        ({"lora_rr": 8}, "lora_rr = 8: unknown key; did you mean 'lora_r'?"),
        ({"epoch": 3}, "did you mean 'epochs' (short for 'num_train_epochs')?"),
        ({"warmup_ratio": 2.0}, "warmup_ratio: must be < 1, found 2.0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_training_setting_is_told(settings: dict[str, Any], said: str) -> None:
    for make in (lambda: TrainingConfig(**settings), lambda: TrainingConfig.from_dict(settings)):
        with pytest.raises(HeimdallError) as refused:
            make()
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)
    if "epoch" not in settings and "lora_rr" not in settings:
        with pytest.raises(HeimdallError):
            attrs.evolve(TrainingConfig(), **settings)


def test_settings_from_plain_data() -> None:
    made = TrainingConfig.from_dict({"epochs": 3, "batch_size": 4, "target_modules": ["q_proj"]})
    assert made == TrainingConfig(
        num_train_epochs=3.0, per_device_train_batch_size=4, target_modules=("q_proj",)
    )
    with pytest.raises(HeimdallError) as refused:
        TrainingConfig.from_dict({"use_qlora": "no", "lora_r": 0.5})
    assert sorted(str(refused.value).splitlines()) == [
        "lora_r: expected a whole number, found 0.5",
        "use_qlora: expected true or false, found 'no'",
    ]
    with pytest.raises(HeimdallError, match="epochs: is given twice"):
        TrainingConfig.from_dict({"num_train_epochs": 2, "epochs": 3})


def test_the_constructor_keeps_its_signature() -> None:
    parameters = inspect.signature(TrainingConfig).parameters
    assert parameters["lora_r"].default == 32
    assert set(parameters) == {f.name for f in attrs.fields(TrainingConfig)}
    with pytest.raises(HeimdallError, match="TrainingConfig: cannot be made"):
        TrainingConfig("lora")  # type: ignore[misc]


def test_a_recipe_made_by_hand_is_told_as_well() -> None:
    with pytest.raises(RecipeError, match="name: must be letters, digits"):
        Recipe(name="../away")
    with pytest.raises(RecipeError, match="num_examples: must be > 0, found 0"):
        GenerateTable(num_examples=0)
    with pytest.raises(RecipeError, match="nam = 'x': unknown key; did you mean 'name'"):
        Recipe(nam="x", train=TrainingConfig())  # type: ignore[call-arg]


def test_the_training_guides_own_spelling_makes_a_config() -> None:
    config = TrainingConfig(epochs=3, batch_size=4, fp16=True)  # type: ignore[call-arg]
    assert (config.num_train_epochs, config.per_device_train_batch_size) == (3, 4)
    assert config.precision == "fp16"
    assert TrainingConfig.from_dict({"fp16": False, "bf16": True}).precision == "bf16"
    with pytest.raises(RecipeError, match="is given twice, also as 'precision'"):
        TrainingConfig(fp16=True, bf16=True)  # type: ignore[call-arg]
    with pytest.raises(RecipeError, match=r'fp16: names no number format .*precision = "fp32"'):
        TrainingConfig.from_dict({"fp16": False})
    with pytest.raises(RecipeError, match="fp16: expected true or false, found 'yes'"):
        TrainingConfig.from_dict({"fp16": "yes"})
