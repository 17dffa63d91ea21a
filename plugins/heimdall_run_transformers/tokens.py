"""The tokenizer of a model directory, read as it was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from heimdall_core.errors import ModelError
from heimdall_core.prompt import END_OF_TEXT, IM_END


def load_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in `path`, with tokenizer.json's own normaliser and pre-tokenizer.

    `AutoTokenizer` would replace both for the model type `qwen2`, and give other token ids for
    vocabularies that were not trained with Qwen2's.
    """
    try:
        tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(
            str(path), local_files_only=True
        )
    except Exception as error:  # the Rust side raises bare `Exception`
        raise ModelError(
            f"the tokenizer cannot be read: {one_line(error)}", where=str(path)
        ) from error
    return tokenizer


def rust_tokenizer(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """The Rust tokenizer underneath, which never cuts or pads: batches are padded here, and a
    `truncation` that was saved in tokenizer.json would cut answers in silence."""
    rust: Tokenizer = tokenizer.backend_tokenizer
    rust.no_truncation()
    rust.no_padding()
    return rust


def embedding_rows(model: PreTrainedModel) -> int:
    """Rows of a model's embedding: its tokenizer's ids, and often some more."""
    weight: torch.Tensor = model.get_input_embeddings().weight  # type: ignore[assignment]
    return weight.shape[0]


def stop_ids(rust: Tokenizer, declared: int | Sequence[int] | None) -> frozenset[int]:
    """Token ids that end an answer: ChatML's two, and what the model itself declares."""
    own = (rust.token_to_id(token) for token in (IM_END, END_OF_TEXT))
    more = () if declared is None else (declared,) if isinstance(declared, int) else declared
    return frozenset({*more, *(token for token in own if token is not None)})


def one_line(error: BaseException) -> str:
    """The first line of an error's text, or its type where it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
