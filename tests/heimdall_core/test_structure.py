"""Plain data into attrs: strict, and every mistake told with its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from attrs import field, frozen, validators
from hypothesis import given
from hypothesis import strategies as st

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError
from heimdall_core.structure import structure, unstructure


@frozen
class Inner:
    size: int = field(default=1, validator=validators.gt(0))
    mode: Literal["a", "b"] = "a"


@frozen
class Outer:
    flag: bool = False
    rate: float = 0.5
    names: tuple[str, ...] = ()
    inner: Inner = field(factory=Inner)
    tables: Mapping[str, Inner] = field(factory=dict)
    maybe: int | None = None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"flag": "false"}, "r.flag: expected true or false, found 'false'"),
        ({"flag": 0}, "r.flag: expected true or false, found 0"),
        ({"rate": True}, "r.rate: expected a number, found true"),
        ({"rate": float("inf")}, "r.rate: expected a number, found inf"),
        ({"names": "abc"}, "r.names: expected an array (a string each), found 'abc'"),
        ({"names": ["a", 3]}, "expected a string, found 3"),
        ({"inner": {"size": "8"}}, "r.inner.size: expected a whole number, found '8'"),
        ({"inner": {"size": 0}}, "r.inner.size: must be > 0, found 0"),
        ({"inner": {"sise": 3}}, "r.inner.sise = 3: unknown key; did you mean 'size'?"),
        ({"inner": {"mode": "c"}}, "r.inner.mode: expected one of 'a', 'b', found 'c'"),
        ({"inner": 5}, "r.inner: expected a table, found 5"),
        ({"maybe": 1.5}, "r.maybe: expected a whole number, found 1.5"),
        ([], "r: expected a table, found []"),
    ],
)
def test_mistakes_are_told_with_path_and_value(data: Any, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        structure(data, Outer, "r")
    assert said in str(raised.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(RecipeError) as raised:
        structure({"flag": 1, "rate": "x", "inner": {"size": -1}}, Outer)
    assert len(str(raised.value).splitlines()) == 3


def test_right_data_is_taken() -> None:
    data = {"flag": True, "rate": 1, "names": ["x"], "inner": {"size": 3}, "maybe": 4}
    made = structure(data, Outer)
    assert made == Outer(True, 1.0, ("x",), Inner(3), {}, 4)
    assert type(made.rate) is float


@given(
    st.builds(
        TrainingConfig,
        lora_r=st.integers(1, 10**6),
        learning_rate=st.floats(1e-9, 1),
        target_modules=st.lists(st.text(max_size=5)).map(tuple),
        max_steps=st.none() | st.integers(1, 100),
        use_qlora=st.booleans(),
    )
)
def test_what_is_written_is_read_back(config: TrainingConfig) -> None:
    assert structure(unstructure(config), TrainingConfig) == config
