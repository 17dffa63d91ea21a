"""What `--executor`, `--address` and `--executor-set` say together; and where they are refused."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from heimdall_core.cli.common import executor_of, executor_table
from heimdall_core.cli.main import cli
from heimdall_core.errors import HeimdallError, RecipeError


@pytest.mark.parametrize(
    ("arguments", "contradiction"),
    [
        (("ray", None, ("name=local",), 0), "name=local and --executor ray"),
        (("ray", "auto", ("address=h:1",), 0), "address=h:1 and --address auto"),
        (("ray", None, ("workers=3",), 2), "workers=3 and --workers 2"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments: Any, contradiction: str) -> None:
    with pytest.raises(RecipeError, match=contradiction):
        executor_table(*arguments)


def test_the_same_said_twice_is_no_contradiction() -> None:
    assert executor_table("ray", "auto", ("name=ray", "address=auto"), 0) == {
        "name": "ray",
        "address": "auto",
    }
    assert executor_table(None, None, (), 4) == {}


def test_a_recipe_keeps_what_it_says_of_the_executor_that_is_named() -> None:
    recipe = {"name": "ray", "address": "auto", "retries": 3}
    assert executor_of(recipe, {}) == recipe
    assert executor_of(recipe, {"address": "h:1"}) == {**recipe, "address": "h:1"}
    assert executor_of(recipe, {"name": "ray", "workers": 2}) == {**recipe, "workers": 2}
    assert executor_of(recipe, {"name": "local"}) == {"name": "local"}


@pytest.mark.parametrize("option", ["--eval-only", "--estimate-memory"])
def test_an_executor_is_refused_where_it_has_nothing_to_do(option: str) -> None:
    arguments = ["train", "--preset", "nano", option, "--executor", "ray"]
    arguments += ["--dataset", "rows.jsonl", "--output-dir", "model"]
    found = CliRunner().invoke(cli, arguments)
    assert isinstance(found.exception, HeimdallError)
    assert f"{option} works in this process alone" in str(found.exception)


def test_a_training_has_no_use_for_the_workers_of_data() -> None:
    arguments = ["train", "--preset", "nano", "--executor", "local"]
    arguments += ["--dataset", "rows.jsonl", "--output-dir", "model"]
    found = CliRunner().invoke(cli, [*arguments, "--executor-set", "workers=3"])
    assert isinstance(found.exception, HeimdallError)
    assert "workers spread rows" in str(found.exception)
    assert "train_workers" in found.exception.hint
