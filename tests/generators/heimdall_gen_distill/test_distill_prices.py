"""What models cost: the built-in table is sane, and the user's own comes first."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from heimdall_core.errors import HeimdallError
from heimdall_gen_distill.prices import built_in, find_price
from heimdall_teach_anthropic.options import AnthropicOptions
from heimdall_teach_openai.options import OpenAIOptions


def test_the_table_is_sane() -> None:
    table = built_in()
    assert date(2025, 1, 1) <= date.fromisoformat(table.date) <= date.today()
    names = [each.name for each in table.models]
    assert len(set(names)) == len(names)
    for each in table.models:
        # A slip of a decimal point, or the two prices swapped, falls outside.
        assert 0.01 <= each.input <= 50, each
        assert 2 <= each.output / each.input <= 10, each


def test_the_smaller_model_of_a_family_is_cheaper() -> None:
    def price(name: str) -> float:
        found = find_price(name)
        assert found is not None, name
        return found.cost(1e6, 1e6)

    for order in (
        ("gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1"),
        ("gpt-5-nano", "gpt-5-mini", "gpt-5", "gpt-5-pro"),
        ("gpt-4o-mini", "gpt-4o"),
        ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"),
    ):
        assert sorted(order, key=price) == list(order)


def test_a_date_is_no_other_model_and_anything_else_is() -> None:
    for name, dated in (
        ("gpt-4o", "gpt-4o-2024-11-20"),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("claude-3-5-haiku", "claude-3-5-haiku-latest"),
        ("claude-sonnet-4", "claude-sonnet-4-0"),
    ):
        assert find_price(dated) == find_price(name) is not None
    for other in ("gpt-4o-audio-preview", "gpt-4o-realtime", "o3-deep-research", "unheard-of"):
        assert find_price(other) is None


def test_the_teachers_default_models_have_a_price() -> None:
    for options in (OpenAIOptions(), AnthropicOptions()):
        assert find_price(options.model) is not None


def test_your_own_table_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    lines = (
        'date = "2026-02-03"',
        'models = [{ name = "gpt-4o", input = 1, output = 2.5 },',
        '          { name = "gpt", input = 7, output = 7 },',
        '          { name = "house", input = 0, output = 0 }]',
    )
    own.write_text("\n".join(lines), encoding="utf-8")
    mine = find_price("gpt-4o-audio", str(own))
    assert mine is not None
    assert (mine.input, mine.output, mine.date) == (1, 2.5, "2026-02-03")
    free = find_price("house-model", str(own))
    assert free is not None
    assert free.cost(1e9, 1e9) == 0
    # What it does not name is looked up in the built-in table.
    assert find_price("o3", str(own)) == find_price("o3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date = '2026-01-01'\nmodels = [{name = 'x', input = -1, output = 1}]", "input"),
        ("date = 'May'", "date"),
        ("dat = '2026-01-01'", "did you mean 'date'"),
        ("date = ", "cannot be read"),
    ],
)
def test_a_bad_table_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(HeimdallError) as caught:
        find_price("gpt-4o", str(own))
    assert said in f"{caught.value} {caught.value.where} {caught.value.hint}"
