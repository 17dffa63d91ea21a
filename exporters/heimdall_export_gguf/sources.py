"""Where the values of one tensor come from, row by row: a file, an adapter merged into a file, or
another order of rows. Nothing here holds a tensor whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from attrs import frozen

from heimdall_core.errors import ModelError

Floats = npt.NDArray[np.float32]

#: Values that are held at once: 16 MB in float32.
BLOCK_VALUES = 1 << 22


class Source(Protocol):
    """One tensor, read by rows. The rows of a vector are its numbers."""

    @property
    def name(self) -> str:
        """Its Hugging Face name, for messages."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows first."""

    @property
    def dtype(self) -> str:
        """The type that holds every value exactly: `F32`, `F16` or `BF16`."""

    def rows(self, start: int, stop: int) -> Floats:
        """Rows `start` to `stop`, (stop - start, *shape[1:]), in float32."""


def count(source: Source) -> int:
    """How many numbers a tensor holds."""
    return math.prod(source.shape)


def blocks(source: Source, max_values: int = BLOCK_VALUES) -> Iterator[Floats]:
    """The tensor as blocks of whole rows, about `max_values` numbers each.

    Raises `ModelError` for values that are not finite: no runtime could use them.
    """
    width = math.prod(source.shape[1:])
    step = max(1, max_values // max(1, width))
    for start in range(0, source.shape[0], step):
        block = source.rows(start, min(start + step, source.shape[0]))
        if not np.isfinite(block).all():
            raise ModelError(
                f"tensor {source.name} holds values that are not finite",
                hint="the training diverged: lower the learning rate",
            )
        yield block


@frozen
class RotaryRows:
    """A query or key matrix in llama.cpp's order of rows.

    Hugging Face rotates row i of a head with row i + half, llama.cpp's Llama rotates neighbours:
    rows 0, half, 1, half + 1, … of each head become 0, 1, 2, 3, ….
    """

    base: Source
    heads: int

    @property
    def name(self) -> str:
        """The stored tensor's name."""
        return self.base.name

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is stored."""
        return self.base.shape

    @property
    def dtype(self) -> str:
        """As it is stored."""
        return self.base.dtype

    def rows(self, start: int, stop: int) -> Floats:
        """Reads the heads that the rows lie in, and reorders them."""
        size = self.shape[0] // self.heads
        first, last = start // size, -(-stop // size)
        block = self.base.rows(first * size, last * size)
        split = block.reshape(last - first, 2, size // 2, *self.shape[1:])
        ordered = split.swapaxes(1, 2).reshape(block.shape)
        return np.ascontiguousarray(ordered[start - first * size : stop - first * size])


@frozen
class Shifted:
    """A norm's weights plus one: Gemma stores their distance from one."""

    base: Source

    @property
    def name(self) -> str:
        """The stored tensor's name."""
        return self.base.name

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is stored."""
        return self.base.shape

    @property
    def dtype(self) -> str:
        """A sum need not be a half-precision number."""
        return "F32"

    def rows(self, start: int, stop: int) -> Floats:
        """The stored rows plus one."""
        return self.base.rows(start, stop) + np.float32(1)


@frozen
class Constant:
    """A vector that is computed from config.json, such as the factors of a scaled RoPE."""

    name: str
    values: Sequence[float]
    dtype: str = "F32"

    @property
    def shape(self) -> tuple[int, ...]:
        """One dimension."""
        return (len(self.values),)

    def rows(self, start: int, stop: int) -> Floats:
        """The numbers in float32."""
        return np.array(self.values[start:stop], dtype=np.float32)
