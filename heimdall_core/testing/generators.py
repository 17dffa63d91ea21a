"""The contract of generators."""

from __future__ import annotations

import inspect
import itertools
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from heimdall_core.testing.base import PluginContract
from heimdall_core.types import NO_SCHEMA, Example, GenerateContext


class GeneratorContract(PluginContract):
    """Generators: pure, deterministic streams of unique rows."""

    role = "generator"
    rows: ClassVar[int] = 200
    """Rows that a test asks for."""
    reads_seed: ClassVar[bool] = True
    """Whether another seed gives other rows; not so where all rows are somebody's own."""
    ahead: ClassVar[int] = 10_000
    """Rows that may be made before the fifth is given: a generator may work in blocks."""
    memory: ClassVar[int] = 32_000_000
    """Bytes that may be used before the fifth row is given."""

    def options(self, generator: Any) -> Any:
        """The options that the tests use: the defaults, unless it needs a file to read."""
        return generator.options()

    def _context(self, seed: int, count: int | None = None) -> GenerateContext:
        return GenerateContext(count=count or self.rows, seed=seed)

    def _rows(self, generator: Any, seed: int) -> list[Example]:
        stream = generator.examples(self._context(seed), self.options(generator))
        return list(itertools.islice(stream, self.rows))

    def test_yields_examples_of_its_categories(self) -> None:
        """Every row is an `Example` with a question, an answer, a declared category, a licence
        and a template family."""
        for generator in self.items():
            rows = self._rows(generator, 1)
            assert rows, f"{generator.name} yields no row"
            for row in rows:
                assert isinstance(row, Example)
                assert row.instruction.strip()
                assert row.output.strip()
                assert row.category in generator.categories, row.category
                assert row.licence, f"{generator.name}: a row without a licence"
                assert row.family, f"{generator.name}: a row without a family"

    def test_same_seed_same_rows(self) -> None:
        """The same seed gives the same rows, another seed others."""
        for generator in self.items():
            first = self._rows(generator, 1)
            assert first == self._rows(generator, 1)
            other = self._rows(generator, 2)
            assert first != other or not self.reads_seed, f"{generator.name} ignores its seed"

    def test_no_prompt_twice(self) -> None:
        """No prompt is yielded twice, so none has two answers."""
        for generator in self.items():
            rows = self._rows(generator, 1)
            assert len({row.prompt_key for row in rows}) == len(rows)

    def use(self, item: Any, options: Any) -> None:
        """Takes the first rows."""
        list(itertools.islice(item.examples(self._context(1), options), self.rows))

    def test_streams(self) -> None:
        """The first rows come without the others being made: of a stream of a million, at most
        `ahead` are made and at most `memory` bytes are used before the fifth is there."""
        for generator in self.items():
            self._first(generator)  # what is loaded once is no part of the stream
            tracemalloc.start()
            try:
                with _counted(self.ahead):
                    stream = self._first(generator)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert inspect.isgenerator(stream) or hasattr(stream, "__next__")
            assert peak <= self.memory, (
                f"{generator.name} uses {peak / 1e6:.0f} MB before its fifth row: it keeps rows"
            )

    def _first(self, generator: Any) -> Any:
        stream = generator.examples(self._context(1, 1_000_000), self.options(generator))
        rows = list(itertools.islice(stream, 5))
        assert rows
        assert all(isinstance(row, Example) for row in rows)
        if inspect.isgenerator(stream):
            stream.close()
        return stream

    def test_rows_name_schemas_that_exist(self) -> None:
        """A row's schema is one that `schemas` describes, or it says that there is none."""
        for generator in self.items():
            known = generator.schemas(self.options(generator)) if generator.schemas else {}
            for row in self._rows(generator, 1):
                assert row.schema in ("", NO_SCHEMA, *known), row.schema


@contextmanager
def _counted(most: int) -> Iterator[None]:
    """Fails inside a generator as soon as it makes more than `most` examples."""
    made = Example.__init__
    number = 0

    def counting(self: Example, *arguments: Any, **fields: Any) -> None:
        nonlocal number
        number += 1
        assert number <= most, f"more than {most} rows are made before the fifth is given"
        made(self, *arguments, **fields)

    Example.__init__ = counting  # type: ignore[method-assign]
    try:
        yield
    finally:
        Example.__init__ = made  # type: ignore[method-assign]
