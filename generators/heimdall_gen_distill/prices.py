"""What a model costs: a dated table, and the user's own before it."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from attrs import field, frozen, validators

from heimdall_core.errors import HeimdallError
from heimdall_core.structure import structure


@frozen
class ModelPrice:
    """One line of a table."""

    name: str
    """What the model's name begins with."""
    input: float = field(validator=validators.ge(0))
    """US dollars per million tokens of a request."""
    output: float = field(validator=validators.ge(0))
    """US dollars per million tokens of an answer."""


@frozen
class PriceTable:
    """A file of prices."""

    date: str
    """When they were true."""
    models: tuple[ModelPrice, ...] = ()
    """The prices."""


@frozen
class Price:
    """What one model costs, and how old that knowledge is."""

    input: float
    output: float
    date: str

    def cost(self, prompt_tokens: float, answer_tokens: float) -> float:
        """US dollars."""
        return (prompt_tokens * self.input + answer_tokens * self.output) / 1e6


FREE = Price(0.0, 0.0, "")


def find_price(model: str, own: str = "") -> Price | None:
    """The price of a model, or None where nobody knows it."""
    for table in ([_read(Path(own))] if own else []) + [_built_in()]:
        fitting = [each for each in table.models if model.startswith(each.name)]
        if fitting:
            best = max(fitting, key=lambda each: len(each.name))
            return Price(best.input, best.output, table.date)
    return None


def _built_in() -> PriceTable:
    text = (files(__package__) / "prices.toml").read_text(encoding="utf-8")
    return structure(tomllib.loads(text), PriceTable, "prices.toml")


def _read(path: Path) -> PriceTable:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HeimdallError(f"cannot be read: {error}", where=str(path)) from error
    return structure(data, PriceTable, str(path))
