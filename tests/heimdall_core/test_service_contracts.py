"""The contracts of teachers and executors find what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from heimdall_core import Executor, Registry, Teacher, TeacherAnswer, hookimpl
from heimdall_core.testing import ExecutorContract, TeacherContract


def in_order(function: Callable[[Any], Any], items: Iterable[Any], options: Any) -> Iterator[Any]:
    return map(function, items)


def all_at_once(
    function: Callable[[Any], Any], items: Iterable[Any], options: Any
) -> Iterator[Any]:
    with ThreadPoolExecutor() as pool:
        yield from reversed(list(pool.map(function, items)))


def forgiving(function: Callable[[Any], Any], items: Iterable[Any], options: Any) -> Iterator[Any]:
    for item in items:
        try:
            yield function(item)
        except ValueError:
            continue


def contract(kind: Any, hook: str, item: Any) -> Any:
    @hookimpl
    def register() -> Iterator[Any]:
        yield item

    plugin = SimpleNamespace(**{hook: register})

    class Contract(kind):  # type: ignore[misc]
        def registry(self) -> Registry:
            return Registry(discover=False, plugins=[("given", plugin)])

    return Contract()


def executor(function: Any) -> Any:
    return contract(
        ExecutorContract, "heimdall_executors", Executor("here", "in this process", function)
    )


def test_a_good_executor_passes() -> None:
    found = executor(in_order)
    found.test_keeps_the_order()
    found.test_an_endless_source_is_streamed()
    found.test_an_error_is_not_lost()


def test_a_bad_executor_is_found_out() -> None:
    with pytest.raises(AssertionError):
        executor(all_at_once).test_keeps_the_order()
    with pytest.raises(AssertionError, match="lost an error"):
        executor(forgiving).test_an_error_is_not_lost()


def teacher(answer: TeacherAnswer, terms: str = "its answers are free") -> Any:
    item = Teacher("t", "answers", lambda messages, options: answer, terms=terms)
    return contract(TeacherContract, "heimdall_teachers", item)


def test_a_good_teacher_passes() -> None:
    found = teacher(TeacherAnswer("Hello.", 5, 2))
    found.test_states_its_terms()
    found.test_answers_with_its_cost()


def test_a_bad_teacher_is_found_out() -> None:
    with pytest.raises(AssertionError, match="no terms"):
        teacher(TeacherAnswer("Hello."), terms="").test_states_its_terms()
    with pytest.raises(AssertionError):
        teacher(TeacherAnswer(" ")).test_answers_with_its_cost()
