"""Which executor works: named in a recipe or on the command line, wrong names told."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from click.testing import CliRunner
from elsewhere import Elsewhere

from heimdall_core import Event, Executor, HeimdallError, Recipe, Registry, hookimpl
from heimdall_core.cli.main import cli
from heimdall_core.dataset.parallel import current_session, ordered_map
from heimdall_core.errors import PluginError, RecipeError
from heimdall_core.execution import Work, resolved, working

REGISTRY = Registry(third_party=False, environ={})


@frozen(kw_only=True)
class CountingOptions:
    """Of the test's executors."""

    step: int = 1
    """Nothing."""


class Counting:
    """An executor with sessions, one without, and how often they were asked."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.mapped: list[Any] = []

    def open(self, options: CountingOptions, emit: Callable[[Event], None]) -> Elsewhere:
        self.opened.append(options.step)
        emit(Event("warning", message="a worker was lost"))
        return Elsewhere()

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], options: CountingOptions
    ) -> Iterator[Any]:
        self.mapped.append(options.step)
        return map(function, items)

    @hookimpl
    def heimdall_executors(self) -> Iterator[Executor]:
        yield Executor("counting", "counts", self.map, CountingOptions, open=self.open)
        yield Executor("plain", "maps", self.map, CountingOptions)


def test_no_table_is_this_machine() -> None:
    with working(REGISTRY, {}, lambda event: None):
        assert current_session() is None
    assert resolved(REGISTRY, {}) == {}


def test_the_session_is_opened_once_and_reports_to_the_stage_at_work() -> None:
    plugin = Counting()
    registry = Registry(discover=False, plugins=[plugin])
    seen: list[str] = []
    with Work(registry, {"name": "counting", "step": 3}) as work:
        assert plugin.opened == []
        with work.spread(lambda event: seen.append(event.message)):
            assert list(ordered_map(abs, [-1, 2])) == [1, 2]
        with work.spread(lambda event: seen.append(event.message)):
            assert list(ordered_map(abs, [-3])) == [3]
        assert current_session() is None
    assert plugin.opened == [3]
    assert seen == ["a worker was lost"]


def test_an_executor_without_sessions_maps() -> None:
    plugin = Counting()
    registry = Registry(discover=False, plugins=[plugin])
    with working(registry, {"name": "plain", "step": 2}, lambda event: None):
        assert list(ordered_map(abs, [-1, 2])) == [1, 2]
    assert plugin.mapped == [2]


def test_a_recipe_names_one_and_its_options_are_filled_in() -> None:
    recipe = Recipe.from_dict(
        {"generate": {"mix": {"cypher": {}}}, "executor": {"name": "local", "workers": 2}}, REGISTRY
    ).resolve(REGISTRY)
    assert recipe.executor == {"name": "local", "workers": 2}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"name": "loca"}, "did you mean 'local'"),
        ({"name": "ray", "adress": "auto"}, "did you mean 'address'"),
        ({"name": "local", "address": "auto"}, "executor.address"),
        ({"address": "auto"}, "no executor is named"),
        ({"name": 3}, "executor.name"),
        ({"name": "ray", "workers": -1}, "workers"),
    ],
)
def test_a_wrong_table_is_told(table: dict[str, Any], said: str) -> None:
    with pytest.raises((RecipeError, PluginError)) as caught:
        resolved(REGISTRY, table)
    assert said in str(caught.value)


def test_the_command_line_says_the_same(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "output": "b"}\n')
    with pytest.raises(HeimdallError, match="did you mean 'local'"):
        CliRunner().invoke(
            cli, ["validate", str(rows), "--executor", "locale"], catch_exceptions=False
        )
    with pytest.raises(HeimdallError, match="no executor is named"):
        CliRunner().invoke(
            cli, ["validate", str(rows), "--address", "auto"], catch_exceptions=False
        )
    found = CliRunner().invoke(
        cli,
        ["validate", str(rows), "--json", "--executor", "local", "--executor-set", "workers=2"],
        catch_exceptions=False,
    )
    assert json.loads(found.stdout)["rows"] == 1


def test_a_registry_that_was_sent_has_the_same_plugins() -> None:
    registry = Registry(third_party=False, environ={}, block=["gen-logs"])
    again = pickle.loads(pickle.dumps(registry))  # noqa: S301 - our own bytes
    assert [(p.name, p.status) for p in again.plugins] == [
        (p.name, p.status) for p in registry.plugins
    ]
    assert again.find_language("cypher") is not None
