"""The training guide's memory for Qwen2.5-1.5B, 8.2 GB with LoRA and 5.1 GB with QLoRA, taken
apart: what of it is certain, what its own count of parameters adds, and how many tokens the rest
pays for.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

#: Bytes and rows at once, by `use_qlora`: the guide's table of the 2080 Ti.
FIGURES: Final = {False: (8.2e9, 8), True: (5.1e9, 4)}

#: Trained parameters in the guide's table (25 M and 20 M elsewhere in it).
_TRAINED: Final = 31_000_000

#: Weight, gradient and AdamW's two moments, in fp32.
_STATE: Final = 16


@frozen
class Fixed:
    """Bytes on the guide's card that do not depend on the rows, and those of each token."""

    process: int
    base: int
    gaps: float
    """What the allocator loses, as a share of all but `process`."""
    token: float
    """Activations and logits."""
    token_checkpointed: float
    """The same with gradient checkpointing, which the guide's settings turn on."""


def explain(fixed: Fixed, *, qlora: bool, lora: int, here: dict[str, int]) -> dict[str, Any]:
    """`guide_bytes`, `guide_parts` (part → bytes there and here) and `guide_note`; `lora` is the
    true count of trained parameters, `here` the forecast's own bytes by part."""
    total, rows = FIGURES[qlora]
    state = _STATE * _TRAINED
    kept = max(0.0, (total - fixed.process) / (1 + fixed.gaps) - fixed.base - state)
    gaps = total - fixed.process - fixed.base - state - kept
    own = here["adapter"] + here["gradients"] + here["optimizer"] + here["best"]
    parts = {
        "libraries, context of the card": (fixed.process, here["process"]),
        "base model": (fixed.base, here["base"]),
        f"{_TRAINED / 1e6:.0f} M trained there, {lora / 1e6:.1f} M here": (state, own),
        "activations and logits": (round(kept), here["activations"] + here["head"]),
        "gaps of the allocator": (round(gaps), here["gaps"]),
    }
    plain, twice = kept / fixed.token / rows, kept / fixed.token_checkpointed / rows
    note = (
        f"it says {total / 1e9:.1f} GB at batch_size = {rows}, and not how long its rows are: what "
        f"its figure leaves for activations and logits holds {rows} rows of {plain:,.0f} tokens, "
        f"or of {twice:,.0f} with gradient_checkpointing, which its settings turn on. These "
        f"layers have {lora / 1e6:.1f} M trained parameters, not 31 M (25 M, 20 M)"
    )
    return {"guide_bytes": total, "guide_parts": parts, "guide_note": note}
