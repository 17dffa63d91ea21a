"""Contracts of what works for the others: teachers and executors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from heimdall_core.prompt import Message
from heimdall_core.testing.base import PluginContract
from heimdall_core.types import TeacherAnswer


class TeacherContract(PluginContract):
    """Teachers: an answer with its cost, or an error that says what to do."""

    role = "teacher"
    reachable: ClassVar[bool] = True
    """Whether it can answer in a test. One that needs a key or a server says False, or brings a
    server of its own and gives its address in `options`."""
    conversation: ClassVar[Sequence[Message]] = (Message("user", "Say hello."),)

    def options(self, teacher: Any) -> Any:
        """The options that the test uses; the defaults unless overridden."""
        return teacher.options()

    def test_states_its_terms(self) -> None:
        """What may be done with its answers is said: it is written into every row."""
        for teacher in self.items():
            assert teacher.terms.strip(), f"{teacher.name}: no terms"

    def test_answers_with_its_cost(self) -> None:
        """The answer is a `TeacherAnswer`, its text and its token counts in order."""
        for teacher in self.items() if self.reachable else ():
            answer = teacher.answer(self.conversation, self.options(teacher))
            assert isinstance(answer, TeacherAnswer)
            assert answer.finish in ("stop", "length", "refused", "error")
            assert answer.text.strip() or answer.finish != "stop"
            assert answer.prompt_tokens >= 0
            assert answer.answer_tokens >= 0


def double(number: int) -> int:
    """What an executor is asked to map in its contract; at module level, so that it can be sent
    to another process."""
    return 2 * number


def refuse(number: int) -> int:
    """Fails at 3."""
    if number == 3:
        raise ValueError("three is refused")
    return number


class ExecutorContract(PluginContract):
    """Executors: a map that keeps the order, loses nothing and hides no error."""

    role = "executor"

    def options(self, executor: Any) -> Any:
        """The options that the test uses; the defaults unless overridden."""
        return executor.options()

    def test_keeps_the_order(self) -> None:
        """Results come in the order of the items, one each."""
        for executor in self.items():
            found = list(executor.map(double, range(200), self.options(executor)))
            assert found == [2 * i for i in range(200)]

    def test_an_endless_source_is_streamed(self) -> None:
        """The first results come without the source being read to its end."""
        for executor in self.items():
            results = executor.map(double, itertools.count(), self.options(executor))
            assert list(itertools.islice(results, 5)) == [0, 2, 4, 6, 8]
            if isinstance(results, Iterator) and hasattr(results, "close"):
                results.close()

    def test_an_error_is_not_lost(self) -> None:
        """What the function raises reaches the caller, with its words."""
        for executor in self.items():
            said = ""
            try:
                list(executor.map(refuse, range(10), self.options(executor)))
            except Exception as error:  # noqa: BLE001 - any kind, as long as it says why
                said = str(error)
            assert "three is refused" in said, f"{executor.name} lost an error"
