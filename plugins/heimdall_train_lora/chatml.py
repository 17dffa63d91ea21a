"""ChatML on every base: the turn markers as single tokens that the model can learn to emit.

A base without `<|im_start|>` and `<|im_end|>` (Phi-3, TinyLlama) gets them added, and
`<|endoftext|>` where that is missing too (TinyLlama): what is served needs all three. A base that
has the markers but never trained their rows (some base models, as against instruct models) could
not be taught to end its answer by adapters on other layers alone. In both cases the rows are
trained, in the embedding and in the head, and saved with the adapter.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from attrs import frozen
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from heimdall_core.prompt import CHAT_TEMPLATE, END_OF_TEXT, IM_END, IM_START, SPECIAL_TOKENS
from heimdall_run_transformers.tokens import embedding_rows

MARKERS: Final = (IM_START, IM_END)

#: A row whose length is below this share of the usual one was never trained.
_UNTRAINED = 0.5


@frozen
class Markers:
    """The rows of the markers that are trained."""

    added: tuple[int, ...]
    """Token ids that the tokenizer did not have."""
    trained: tuple[int, ...]
    """Token ids whose rows are trained: the added ones, and present ones that never were."""
    vocabulary: int
    """Rows that the embedding needs."""


def add_markers(tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel) -> Markers:
    """Puts the markers into the tokenizer where they are missing, and makes room for them in the
    model. The tokenizer ends answers with `<|im_end|>` and renders ChatML afterwards."""
    known = tokenizer.get_vocab()
    missing = [marker for marker in SPECIAL_TOKENS if marker not in known]
    if missing:
        tokenizer.add_special_tokens(
            {"extra_special_tokens": missing}, replace_extra_special_tokens=False
        )
    ids: dict[str, int] = {marker: tokenizer.get_vocab()[marker] for marker in SPECIAL_TOKENS}
    added = tuple(ids[marker] for marker in missing)
    rows = embedding_rows(model)
    needed = max([rows, *(number + 1 for number in ids.values())])
    if needed > rows:
        model.resize_token_embeddings(needed, mean_resizing=False)
    trained = {*added, *_untrained(model, [ids[m] for m in MARKERS if m not in missing])}
    tokenizer.eos_token = IM_END
    tokenizer.pad_token = END_OF_TEXT
    tokenizer.chat_template = CHAT_TEMPLATE
    return Markers(added, tuple(sorted(trained)), needed)


def _untrained(model: PreTrainedModel, ids: list[int]) -> list[int]:
    with torch.no_grad():
        head = model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
        usual = head[:: max(1, len(head) // 4096)].float().norm(dim=1).median()
        return [n for n in ids if head[n].float().norm() < _UNTRAINED * usual]


def start_rows(model: PreTrainedModel, markers: Markers, seed: int) -> None:
    """Gives the trained rows of the markers their first values: the mean of all rows, with a
    little noise that keeps them apart. `model` has its adapters on."""
    if not markers.trained:
        return
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "trainable_tokens_delta" not in name:
            continue
        layer: Any = model.get_submodule(name.split(".trainable_tokens_delta")[0])
        usual = layer.base_layer.weight.detach()[: min(markers.trained)].float()
        noise = torch.randn(parameter.shape, generator=generator)
        first = usual.mean(dim=0).cpu() + 0.1 * usual.std().cpu() * noise
        with torch.no_grad():
            parameter.copy_(first.to(parameter))
