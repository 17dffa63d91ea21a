"""What prompts have in common is computed once, and changes no answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import LESSONS, build_model

from heimdall_core.prompt import messages_for, render_prompt
from heimdall_run_transformers.decode import common_start, compute_prefix
from heimdall_run_transformers.load import load
from heimdall_run_transformers.options import TransformersOptions

SYSTEM = "Labels: Person, City, Film. Relationships: KNOWS, SAW. Answer with one query. " * 4


def prompts(count: int, system: str = SYSTEM) -> list[str]:
    questions = ["x y " * n + LESSONS[n % 8][0] for n in range(count)]
    return [render_prompt(messages_for(question, "", system)) for question in questions]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights: answers are long and nothing is certain."""
    return build_model(tmp_path_factory.mktemp("prefix") / "random", hidden=64, context=512)


def counted(model: Any) -> list[int]:
    """Tokens (rows × length) of every pass through the network from now on."""
    passes: list[int] = []
    model.model.register_forward_pre_hook(
        lambda _, args, kwargs: passes.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    return passes


def test_answers_are_the_same_at_batch_1_and_32_with_a_common_start(path: Path) -> None:
    answers = []
    for batch_size in (1, 32):
        with load(path, TransformersOptions(batch_size=batch_size, device="cpu")) as model:
            found = model.generate(prompts(33), max_new_tokens=24)
            answers.append([(a.text, a.tokens, a.finish) for a in found])
    with load(path, TransformersOptions(device="cpu")) as model:
        # One prompt at a time: nothing is shared.
        alone = [model.generate([p], max_new_tokens=24)[0] for p in prompts(33)]
    answers.append([(a.text, a.tokens, a.finish) for a in alone])
    assert answers[0] == answers[1] == answers[2]
    assert len({text for text, _, _ in answers[0]}) > 1


def test_the_common_start_is_run_once(path: Path) -> None:
    with load(path, TransformersOptions(batch_size=4, device="cpu")) as model:
        shared = len(common_start([model.tokenize(p) for p in prompts(16)]))
        assert shared > 60
        passes = counted(model)
        model.generate(prompts(16), max_new_tokens=1)
        assert passes[0] == shared
        rest = sum(len(model.tokenize(p)) - shared for p in prompts(16))
        assert sum(passes) - shared < 2 * rest  # padding, and no prefix again
        del passes[:]
        model.generate(prompts(16), max_new_tokens=1)
        assert shared not in passes  # it is kept for the next call


def test_little_in_common_is_not_worth_it(path: Path) -> None:
    with load(path, TransformersOptions(device="cpu")) as model:
        passes = counted(model)
        model.generate(prompts(4, system=""), max_new_tokens=1)
        assert len(passes) == 1


def test_a_prompt_that_is_the_whole_start_still_gets_its_own_token(path: Path) -> None:
    with load(path, TransformersOptions(device="cpu")) as model:
        pair = [prompts(1)[0]] * 2
        one, two = model.generate(pair, max_new_tokens=8)
        (alone,) = model.generate(pair[:1], max_new_tokens=8)
        assert one.text == two.text == alone.text


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 2, 3], [1, 2, 4]], (1, 2)),
        ([[1, 2, 3], [1, 2, 3]], (1, 2)),
        ([[1], [1, 2]], ()),
        ([[1, 2], [3, 4]], ()),
        ([[5, 6, 7, 8], [5, 6, 7, 9], [5, 6, 1, 8]], (5, 6)),
    ],
)
def test_common_start(rows: list[list[int]], expected: tuple[int, ...]) -> None:
    assert common_start(rows) == expected


def test_a_sliding_window_is_not_shared(path: Path) -> None:
    with load(path, TransformersOptions(device="cpu")) as model:
        assert compute_prefix(model.model, [3, 4, 5]) is not None
        model.model.config.layer_types = ["sliding_attention", "full_attention"]
        assert compute_prefix(model.model, [3, 4, 5]) is None
        assert torch.is_grad_enabled()
