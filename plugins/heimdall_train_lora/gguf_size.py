"""How large a base's GGUF files are: each matrix by the type that llama.cpp's quantiser gives it.

The usual mixtures (Q4_K_M, Q5_K_M) take more bits for some matrices of some blocks, for the fused
matrix of Phi-3 and for the head, and another type for a matrix whose rows are no multiple of 256:
Qwen2.5-0.5B is a third larger by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from heimdall_train_lora.models import BaseFacts

#: Bits of a weight, scales included.
_BITS: Final = {
    "Q4_K": 4.5,
    "Q5_0": 5.5,
    "Q5_1": 6.0,
    "Q5_K": 5.5,
    "Q6_K": 6.5625,
    "Q8_0": 8.5,
    "F16": 16.0,
}

#: What stands in for a type of blocks of 256 where the rows cannot be cut into them.
_INSTEAD: Final = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}

#: File type → type of most matrices, of those with more bits, of the fused query, key and value.
_MIXTURES: Final = {
    "Q4_K_M": ("Q4_K", "Q6_K", "Q5_K"),
    "Q5_K_M": ("Q5_K", "Q6_K", "Q6_K"),
    "Q8_0": ("Q8_0", "Q8_0", "Q8_0"),
    "F16": ("F16", "F16", "F16"),
}

#: Bytes of a token's text, score and merges, about.
_TOKEN: Final = 40


def gguf_bytes(facts: BaseFacts) -> Mapping[str, int]:
    """Bytes of the file for each of the usual types."""
    return {kind: round(_size(facts, *types)) for kind, types in _MIXTURES.items()}


def _size(facts: BaseFacts, most: str, more: str, fused: str) -> float:
    matrices = facts.linear_parameters + facts.embedding_parameters
    plain = 4 * (facts.parameters - matrices)  # norms and biases stay in fp32
    found = sum(_bytes(*matrix) for matrix in _matrices(facts, most, more, fused))
    return found + plain + _TOKEN * facts.vocab_size


def _matrices(facts: BaseFacts, most: str, more: str, fused: str) -> Iterator[tuple[int, int, str]]:
    """Columns, rows and type of every matrix."""
    blocks = facts.num_hidden_layers
    yield facts.hidden_size, facts.vocab_size, more  # the head, or the embedding that is one
    if not facts.tie_word_embeddings:
        yield facts.hidden_size, facts.vocab_size, most
    for block in range(blocks):
        raised = _more_bits(block, blocks)
        for name, (columns, rows) in facts.layers.items():
            kind = most
            if name == "qkv_proj":
                kind = fused
            elif name in ("v_proj", "down_proj") and raised:
                kind = more
            yield columns, rows, kind


def _more_bits(block: int, blocks: int) -> bool:
    """llama.cpp's rule: the first and last eighth of the blocks, and every third between."""
    eighth = blocks // 8
    return block < eighth or block >= 7 * blocks // 8 or (block - eighth) % 3 == 2


def _bytes(columns: int, rows: int, kind: str) -> float:
    if columns % 256:
        kind = _INSTEAD.get(kind, kind)
    return columns * rows * _BITS[kind] / 8
