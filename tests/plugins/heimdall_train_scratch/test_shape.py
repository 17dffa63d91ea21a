"""The model's shape: its size as computed is its size as built; impossible ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError
from heimdall_train_scratch.network import build_network
from heimdall_train_scratch.shape import shape_of

SMALL: dict[str, Any] = {"max_seq_length": 64, "max_position_embeddings": 64, "vocab_size": 300}


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
        {"hidden_size": 64, "num_hidden_layers": 3, "num_key_value_heads": 1},
        {"hidden_size": 96, "num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 999},
        {"intermediate_size": 100, "num_hidden_layers": 2},
    ],
)
def test_parameters_are_counted_as_they_are_built(settings: dict[str, Any]) -> None:
    shape = shape_of(TrainingConfig(**{**SMALL, **settings}))
    model = build_network(shape, seed=1)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert model.config.tie_word_embeddings
    matrices = [p.numel() for name, p in model.named_parameters() if p.dim() == 2]
    assert shape.layers * shape.layer_matrices + shape.head_matrix == sum(matrices)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 250}, "hidden_size = 250 cannot be divided among num_attention_heads = 4"),
        ({"hidden_size": 12}, "a head of 3 numbers"),
        ({"num_key_value_heads": 3}, "num_key_value_heads = 3"),
        ({"max_seq_length": 65}, "max_seq_length = 65 is more than the model's"),
        ({"vocab_size": 258}, "vocab_size = 258 is too small"),
    ],
)
def test_impossible_shapes_are_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        shape_of(TrainingConfig(**{**SMALL, **settings}))
    assert caught.value.where.startswith("train.")
