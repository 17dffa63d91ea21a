"""The contracts find what is wrong with a plugin, and let a right one pass."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import field, frozen

from heimdall_core import (
    Evaluator,
    Example,
    Generator,
    HeimdallError,
    Measurement,
    Registry,
    hookimpl,
)
from heimdall_core.testing import EvaluatorContract, GeneratorContract, PluginContract
from heimdall_core.testing.base import fresh_import


def row(n: int) -> Example:
    return Example(f"question {n}", output=f"answer {n}", category="c", licence="MIT", family="f")


@frozen
class Options:
    """Options of the toy generator."""

    word: str = "x"
    """A word."""


def contract(kind: Any, hook: str, item: Any, **attributes: Any) -> Any:
    @hookimpl
    def register() -> Iterator[Any]:
        yield item

    plugin = SimpleNamespace(**{hook: register})

    class Contract(kind):  # type: ignore[misc]
        def registry(self) -> Registry:
            return Registry(discover=False, plugins=[("given", plugin)])

    for name, value in attributes.items():
        setattr(Contract, name, value)
    return Contract()


def generator(examples: Callable[..., Any], options: type = Options, **attributes: Any) -> Any:
    item = Generator("toy", "made for a test", ("c",), examples, options)
    return contract(GeneratorContract, "heimdall_generators", item, **attributes)


def evaluator(measure: Callable[..., Any], **attributes: Any) -> Any:
    bounds = attributes.pop("bounds", None)
    item = Evaluator("toy", "made for a test", measure, bounds=bounds)
    return contract(EvaluatorContract, "heimdall_evaluators", item, **attributes)


# --- generators ----------------------------------------------------------------------------------


def streamed(context: Any, options: Any) -> Iterator[Example]:
    return (row(n) for n in range(context.count))


def all_first(context: Any, options: Any) -> Iterator[Example]:
    yield from [row(n) for n in range(context.count)]


def plain_rows_first(context: Any, options: Any) -> Iterator[Example]:
    kept = [{"instruction": f"question {n}", "output": str(n)} for n in range(context.count)]
    yield from (row(n) for n, _ in enumerate(kept))


def test_a_stream_passes_and_what_makes_everything_first_does_not() -> None:
    generator(streamed).test_streams()
    with pytest.raises(AssertionError, match="more than 10000 rows are made before the fifth"):
        generator(all_first).test_streams()
    with pytest.raises(AssertionError, match="MB before its fifth row"):
        generator(plain_rows_first, memory=4_000_000).test_streams()


def test_counting_rows_leaves_nothing_behind() -> None:
    before = Example.__init__
    with pytest.raises(AssertionError):
        generator(all_first).test_streams()
    assert Example.__init__ is before


def test_work_in_blocks_is_no_fault() -> None:
    def blocks(context: Any, options: Any) -> Iterator[Example]:
        for start in itertools.count(0, 500):
            yield from [row(n) for n in range(start, start + 500)]

    generator(blocks).test_streams()


@frozen
class Strict:
    """Options with a validator that talks to itself."""

    share: float = field(default=0.5)
    """A share."""
    names: tuple[str, ...] = ()
    """Names."""

    @share.validator
    def _check(self, attribute: Any, value: float) -> None:
        if value > 1:
            raise HeimdallError("must be at most 1;\nit is a share", where="share")


def test_options_that_are_refused_in_a_line_pass() -> None:
    def picky(context: Any, options: Any) -> Iterator[Example]:
        if options.word == "bad":
            raise HeimdallError("no such word", where="word", hint="write another")
        return streamed(context, options)

    generator(picky, refused=({"word": "bad"},)).test_a_wrong_option_is_told()


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"word": "fine"}, "was accepted"),
        ({"word": "crash"}, "a user would see a bare ZeroDivisionError"),
        ({"word": "chatty"}, "has several lines"),
        ({"word": "missed"}, "has the exit code 1"),
    ],
    ids=lambda value: value["word"] if isinstance(value, dict) else "",
)
def test_an_option_that_is_not_refused_in_a_line_is_found(
    refused: dict[str, Any], said: str
) -> None:
    def loose(context: Any, options: Any) -> Iterator[Example]:
        if options.word == "crash":
            raise ZeroDivisionError
        if options.word == "chatty":
            raise HeimdallError("one\ntwo")
        if options.word == "missed":
            error = HeimdallError("missed")
            error.exit_code = 1
            raise error
        yield from streamed(context, options)

    with pytest.raises(AssertionError, match=said):
        generator(loose, refused=(refused,)).test_a_wrong_option_is_told()


def test_a_validator_that_talks_to_itself_is_found() -> None:
    made = generator(streamed, Strict, refused=({"share": 2.0},))
    with pytest.raises(AssertionError, match="several lines"):
        made.test_a_wrong_option_is_told()


# --- evaluators ----------------------------------------------------------------------------------


def test_an_evaluator_that_forgets_nothing_between_two_calls_is_found() -> None:
    calls = itertools.count()

    def counting(context: Any, options: Any) -> list[Measurement]:
        value = float(next(calls))
        return [Measurement(value) for _ in context.examples]

    with pytest.raises(AssertionError, match="measures the same rows differently"):
        evaluator(counting).test_the_same_answers_get_the_same_values()
    evaluator(counting, deterministic=False).test_the_same_answers_get_the_same_values()


def test_a_detail_that_differs_is_a_difference() -> None:
    calls = itertools.count()

    def noting(context: Any, options: Any) -> list[Measurement]:
        return [Measurement(1.0, detail={"call": next(calls)}) for _ in context.examples]

    with pytest.raises(AssertionError, match="differently"):
        evaluator(noting).test_the_same_answers_get_the_same_values()


def test_values_beyond_the_bounds_are_found() -> None:
    def percent(context: Any, options: Any) -> list[Measurement]:
        return [Measurement(50.0) for _ in context.examples]

    evaluator(percent, bounds=(0.0, 100.0)).test_values_stay_inside_the_bounds()
    with pytest.raises(AssertionError, match=r"is 50\.0"):
        evaluator(percent, bounds=(0.0, 1.0)).test_values_stay_inside_the_bounds()


# --- importing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print('hello')", "prints while it is imported"),
        ("import sys\nprint('hello', file=sys.stderr)", "prints while it is imported"),
        ("import os\nos.environ['ACME_TOKEN'] = 'secret'", "environment variables': 'ACME_TOKEN'"),
        ("import os\nos.chdir('/')", "working directory"),
        ("import logging\nlogging.basicConfig()", "logging"),
        ("import logging\nlogging.disable(logging.INFO)", "logging"),
        (
            "import signal\nsignal.signal(signal.SIGTERM, lambda number, frame: None)",
            "signal handlers",
        ),
        (
            "import threading\n"
            "threading.Thread(target=threading.Event().wait, daemon=True).start()",
            "threads",
        ),
    ],
    ids=["prints", "warns", "environment", "folder", "handler", "level", "signal", "thread"],
)
def test_an_import_that_changes_the_process_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (tmp_path / "acme_side.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    fresh_import.cache_clear()

    class Contract(PluginContract):
        plugin = "acme_side"

    with pytest.raises(AssertionError) as found:
        Contract().test_importing_it_changes_nothing()
    assert said in str(found.value)
    assert "secret" not in str(found.value)
    fresh_import.cache_clear()
    assert "acme_side" not in sys.modules


def test_a_quiet_import_passes_and_a_heavy_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_quiet.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "pandas.py").write_text("", encoding="utf-8")  # stands in for the real one
    (tmp_path / "acme_heavy.py").write_text("import pandas\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    class Quiet(PluginContract):
        plugin = "acme_quiet"

    class Heavy(PluginContract):
        plugin = "acme_heavy"

    Quiet().test_importing_it_changes_nothing()
    Quiet().test_imports_nothing_heavy()
    with pytest.raises(AssertionError, match="pandas"):
        Heavy().test_imports_nothing_heavy()


def test_a_failed_contract_shows_what_was_compared() -> None:
    """In an author's tests pytest would rewrite only the asserts of the test file itself."""
    from heimdall_core.testing import base, contracts, generators, services

    for module in (base, contracts, generators, services):
        assert type(module.__loader__).__name__ == "AssertionRewritingHook"
