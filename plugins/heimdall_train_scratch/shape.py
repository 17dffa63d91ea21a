"""The model's shape: checks with one clear line each, and its size. Imports nothing heavy."""

from __future__ import annotations

from attrs import frozen

from heimdall_core.config import TrainingConfig
from heimdall_core.errors import RecipeError
from heimdall_core.prompt import SPECIAL_TOKENS

#: The special tokens and one token per byte: with them, every text has token ids.
SMALLEST_VOCABULARY = len(SPECIAL_TOKENS) + 256


@frozen
class Shape:
    """A Qwen2 or Llama decoder, in numbers."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    intermediate: int
    context: int
    """Longest sequence, in tokens."""
    architecture: str = "qwen2"
    tied: bool = True
    """The embedding is the language-model head as well."""
    rope_theta: float = 10000.0
    epsilon: float = 1e-6

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads

    @property
    def layer_matrices(self) -> int:
        """Weights of one block's matrices: what a token's passage is multiplied with."""
        attention = 2 * self.hidden * (self.hidden + self.key_value_heads * self.head_size)
        return attention + 3 * self.hidden * self.intermediate

    @property
    def head_matrix(self) -> int:
        """Weights of the language-model head: with tied weights, of the embedding."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All trained numbers: matrices, Qwen2's biases of query, key and value, norms."""
        biases = self.hidden + 2 * self.key_value_heads * self.head_size
        layer = self.layer_matrices + 2 * self.hidden
        layer += biases if self.architecture == "qwen2" else 0
        outside = self.head_matrix * (1 if self.tied else 2) + self.hidden
        return outside + self.layers * layer

    def flops_per_token(self, length: int) -> float:
        """Floating-point operations of one token's forward and backward pass in a row of `length`
        tokens, the head included: 6 for each weight, and 12 per layer for each pair of numbers
        that attention multiplies."""
        matrices = self.layers * self.layer_matrices + self.head_matrix
        return 6.0 * matrices + 12.0 * self.layers * self.hidden * length


def shape_of(config: TrainingConfig) -> Shape:
    """The shape that a recipe asks for. Raises `RecipeError` where no such model can be."""
    hidden, heads = config.hidden_size, config.num_attention_heads
    key_value_heads = config.num_key_value_heads or heads
    if hidden % heads:
        raise RecipeError(
            f"hidden_size = {hidden} cannot be divided among num_attention_heads = {heads}",
            where="train.hidden_size",
        )
    if hidden // heads % 2:
        raise RecipeError(
            f"a head of {hidden // heads} numbers (hidden_size / num_attention_heads) is odd; "
            "rotary positions turn pairs",
            where="train.num_attention_heads",
        )
    if heads % key_value_heads:
        raise RecipeError(
            f"num_attention_heads = {heads} cannot be shared among num_key_value_heads = "
            f"{key_value_heads}",
            where="train.num_key_value_heads",
        )
    if config.max_seq_length > config.max_position_embeddings:
        raise RecipeError(
            f"max_seq_length = {config.max_seq_length} is more than the model's "
            f"max_position_embeddings = {config.max_position_embeddings}",
            where="train.max_seq_length",
        )
    if config.vocab_size < SMALLEST_VOCABULARY:
        raise RecipeError(
            f"vocab_size = {config.vocab_size} is too small: one token per byte and the special "
            f"tokens are {SMALLEST_VOCABULARY}",
            where="train.vocab_size",
        )
    return Shape(
        vocabulary=config.vocab_size,
        hidden=hidden,
        layers=config.num_hidden_layers,
        heads=heads,
        key_value_heads=key_value_heads,
        intermediate=config.intermediate_size,
        context=config.max_position_embeddings,
        architecture=config.architecture,
        tied=config.tie_word_embeddings,
        rope_theta=config.rope_theta,
        epsilon=config.rms_norm_eps,
    )
