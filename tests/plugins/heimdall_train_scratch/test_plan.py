"""Steps and learning rates, worked out before the first step."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError
from heimdall_run_transformers.training.plan import DRILL_RATE, Plan, plan_run
from heimdall_train_scratch.plan import check_config


def plan(rows: int = 100, **settings: Any) -> Plan:
    defaults = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}
    return plan_run(TrainingConfig(**{**defaults, **settings}), rows, seed=1)


@pytest.mark.parametrize(
    ("settings", "steps", "per_epoch"),
    [
        ({"num_train_epochs": 2}, 26, 13),
        ({"num_train_epochs": 0.5}, 7, 13),
        ({"num_train_epochs": 2, "gradient_accumulation_steps": 4}, 8, 4),
        ({"num_train_epochs": 2, "max_steps": 5}, 5, 13),
        ({"num_train_epochs": 1, "max_steps": 500}, 13, 13),
    ],
)
def test_steps(settings: dict[str, Any], steps: int, per_epoch: int) -> None:
    made = plan(**settings)
    assert (made.steps, made.steps_per_epoch) == (steps, per_epoch)
    assert made.epochs(made.steps) == steps / per_epoch


def test_learning_rate_rises_and_falls_to_its_floor() -> None:
    made = plan(
        rows=800,
        num_train_epochs=1,
        learning_rate=0.01,
        warmup_ratio=0.1,
        min_learning_rate_ratio=0.05,
    )
    rates = [0.01 * made.rate_share_at(step) for step in range(made.steps)]
    assert made.warmup == 10
    assert rates[:10] == pytest.approx([0.01 * n / 11 for n in range(1, 11)])
    assert rates[10] == max(rates) == 0.01
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[10 + 89 // 2] == pytest.approx((0.01 + 0.0005) / 2, rel=0.02)
    assert rates[-1] == pytest.approx(0.0005)


def test_one_step_has_the_full_rate() -> None:
    assert plan(max_steps=1, warmup_ratio=0.0).rate_share_at(0) == 1.0


def test_the_drill_comes_before_the_rows_at_its_own_rate() -> None:
    made = plan(rows=800, num_train_epochs=1, copy_drill_steps=30, warmup_ratio=0.1)
    assert (made.drill, made.steps, made.warmup) == (30, 130, 10)
    assert made.epochs(30) == 0
    assert made.epochs(made.steps) == 1.0
    assert made.rate_share_at(9) == pytest.approx(DRILL_RATE / 2)
    assert made.rate_share_at(29) == DRILL_RATE
    without = plan(rows=800, num_train_epochs=1, warmup_ratio=0.1)
    assert [made.rate_share_at(30 + n) for n in range(100)] == [
        without.rate_share_at(n) for n in range(100)
    ]


def test_a_drill_that_leaves_nothing_for_the_rows_is_refused() -> None:
    with pytest.raises(RecipeError, match="leave none of 20 for the rows"):
        plan(copy_drill_steps=20, max_steps=20)


def test_validations_and_checkpoints() -> None:
    made = plan(rows=800, num_train_epochs=1)
    assert (made.steps, made.validate_every, made.save_every) == (100, 10, 10)
    assert plan(rows=8, num_train_epochs=3).validate_every == 1
    made = plan(eval_steps=7, save_steps=3)
    assert (made.validate_every, made.save_every) == (7, 3)
    assert plan(eval_steps=7).save_every == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_from_scratch": False}, "train_from_scratch is false"),
        ({"train_from_scratch": True, "precision": "bf16"}, "precision = 'bf16'.* fp32"),
        ({"train_from_scratch": True, "pack_tokens": 64}, "set layout = 'packed'"),
        (
            {"train_from_scratch": True, "copy_drill_steps": 5, "max_steps": 5},
            "leave none of max_steps = 5",
        ),
        ({"train_from_scratch": True, "replay_ratio": 0.1}, "there is no replay_dataset"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        check_config(TrainingConfig(**settings))
    check_config(TrainingConfig(train_from_scratch=True, precision="fp32"))
    # A preset's rate for Muon's matrices stays in place where another optimiser is tried.
    check_config(TrainingConfig(train_from_scratch=True, matrix_learning_rate=0.1))
