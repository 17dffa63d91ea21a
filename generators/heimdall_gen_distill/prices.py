"""What a model costs: a dated table, and the user's own before it."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

from attrs import field, frozen, validators

from heimdall_core.errors import HeimdallError
from heimdall_core.structure import structure

#: What makers put behind a model's name for one state of it.
_DATED = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|0)$")


@frozen
class ModelPrice:
    """One line of a table."""

    name: str
    """The model's name, or what it begins with."""
    input: float = field(validator=validators.ge(0))
    """US dollars per million tokens of a request."""
    output: float = field(validator=validators.ge(0))
    """US dollars per million tokens of an answer."""


@frozen
class PriceTable:
    """A file of prices."""

    date: str = field(validator=validators.matches_re(r"\d{4}-\d{2}-\d{2}"))
    """When they were true, as `2026-01-31`."""
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
    """The price of a model, or None where nobody knows it. In the user's own table the longest name
    that the model's begins with counts; in the built-in one only the very model, dated or not: one
    with a longer name may cost ten times as much."""
    if own:
        table = _read(Path(own))
        fitting = [each for each in table.models if model.startswith(each.name)]
        if fitting:
            return _price(max(fitting, key=lambda each: len(each.name)), table)
    table = built_in()
    name = _DATED.sub("", model)
    for each in table.models:
        if each.name in (name, model):
            return _price(each, table)
    return None


def built_in() -> PriceTable:
    """The table that comes with the plugin."""
    text = (files(__package__) / "prices.toml").read_text(encoding="utf-8")
    return structure(tomllib.loads(text), PriceTable, "prices.toml")


def _price(found: ModelPrice, table: PriceTable) -> Price:
    return Price(found.input, found.output, table.date)


def _read(path: Path) -> PriceTable:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HeimdallError(f"cannot be read: {error}", where=str(path)) from error
    return structure(data, PriceTable, str(path))
