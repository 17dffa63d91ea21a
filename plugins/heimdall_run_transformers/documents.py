"""Attention within each document of a packed batch, on every device.

A packed batch is one long row: documents one after the other, no padding, so every matrix product
sees real tokens alone. Attention is the one operation that must not cross a border. It is computed
document by document:

- on CUDA with half-precision weights, by PyTorch's variable-length kernel (Ampere and later) or
  flash-attn where it is installed;
- everywhere else (the CPU, Apple's GPU, Turing cards such as the 2080 Ti) by taking documents of
  like length side by side as rows of their own: plain causal attention, without a mask and without
  the quadratic cost of a block-diagonal one.

No token can attend to another document, because it is in another row. A test proves it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import torch
from attrs import evolve, frozen
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel

#: Name under which the attention is known to transformers.
NAME: Final = "heimdall_documents"

#: A group of documents is closed when the next one would make it more than this part padding.
_PADDING = 0.15


@frozen(eq=False)
class Group:
    """Documents that are computed side by side: D of them, the longest of W tokens."""

    first: int
    """Place of the first token in the flat batch; groups lie one after the other."""
    count: int
    """Tokens of all its documents."""
    documents: int
    width: int
    spread: torch.Tensor | None
    """(D * W,) which token of the group stands where; a short document repeats its last token,
    which none of its real tokens sees. None where all documents are of one length."""
    pick: torch.Tensor | None
    """(count,) where each token of the group stands in (D * W,)."""


@frozen(eq=False)
class Documents:
    """Where the documents of a flat batch lie. Made once for a batch, used by every layer."""

    groups: tuple[Group, ...]
    borders: torch.Tensor
    """(N + 1,) int32: the first token of each document, and the end of the last."""
    longest: int
    kernel: str = "groups"
    """`groups`, `varlen` (PyTorch's) or `flash` (flash-attn)."""

    def to(self, device: torch.device, kernel: str) -> Documents:
        """The same on a device, to be computed by `kernel`."""
        groups = tuple(
            evolve(g, spread=_to(g.spread, device), pick=_to(g.pick, device)) for g in self.groups
        )
        return Documents(groups, self.borders.to(device), self.longest, kernel)


def _to(tensor: torch.Tensor | None, device: torch.device) -> torch.Tensor | None:
    return None if tensor is None else tensor.to(device)


def layout_of(lengths: Sequence[int]) -> Documents:
    """The documents of a flat batch by their lengths in tokens, in the order in which they lie.
    Documents of like length that are neighbours share a group."""
    borders = np.concatenate([[0], np.cumsum(lengths)])
    groups = []
    start = 0
    while start < len(lengths):
        stop = start + 1
        while stop < len(lengths) and _padding(lengths[start : stop + 1]) <= _PADDING:
            stop += 1
        groups.append(_group(lengths[start:stop], int(borders[start])))
        start = stop
    return Documents(
        tuple(groups), torch.from_numpy(borders.astype(np.int32)), max(lengths, default=0)
    )


def _padding(lengths: Sequence[int]) -> float:
    return 1 - sum(lengths) / (len(lengths) * max(lengths))


def _group(lengths: Sequence[int], first: int) -> Group:
    count, width = sum(lengths), max(lengths)
    if min(lengths) == width:
        return Group(first, count, len(lengths), width, None, None)
    own = np.asarray(lengths)
    begins = np.cumsum(own) - own
    places = np.arange(width)[None, :]
    spread = begins[:, None] + np.minimum(places, own[:, None] - 1)
    pick = np.concatenate([row * width + np.arange(n) for row, n in enumerate(lengths)])
    return Group(
        first,
        count,
        len(lengths),
        width,
        torch.from_numpy(spread.reshape(-1)),
        torch.from_numpy(pick.astype(np.int64)),
    )


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    documents: Documents | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it: `query` (B, H, T, d), `key` and `value` (B, K, T, d);
    gives (B, T, H, d). With `documents`, B is 1 and T the flat batch; without, plain causal
    attention of padded rows, whose pads stand at the right where no real token sees them."""
    if documents is None:
        states = _causal(query, key, value, scaling, dropout, sliding_window)
        return states.transpose(1, 2).contiguous(), None
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))  # (T, heads, d)
    if documents.kernel == "groups":
        parts = [
            _attend_group(group, q, k, v, scaling, dropout, sliding_window)
            for group in documents.groups
        ]
        return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None
    return _kernel(q, k, v, documents, scaling, dropout, sliding_window)[None], None


def _attend_group(
    group: Group,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> torch.Tensor:
    rows = []
    for flat in (query, key, value):
        own = flat[group.first : group.first + group.count]
        spread = own if group.spread is None else own.index_select(0, group.spread)
        rows.append(
            spread.reshape(group.documents, group.width, *flat.shape[1:]).transpose(1, 2)
        )  # (D, heads, W, d)
    q, k, v = rows
    states = _causal(q, k, v, scaling, dropout, window).transpose(1, 2)
    flat_states = states.reshape(group.documents * group.width, *states.shape[2:])
    return flat_states if group.pick is None else flat_states.index_select(0, group.pick)


def _causal(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> torch.Tensor:
    length = query.shape[2]
    mask = None
    if window is not None and length > window:
        place = torch.arange(length, device=query.device)
        back = place[:, None] - place[None, :]
        mask = (back >= 0) & (back < window)
    return functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=mask is None and length > 1,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def _kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    documents: Documents,
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> torch.Tensor:
    """A variable-length kernel of CUDA, on (T, heads, d)."""
    left = -1 if window is None else window - 1
    borders, longest = documents.borders, documents.longest
    if documents.kernel == "flash":
        found: torch.Tensor = import_module("flash_attn").flash_attn_varlen_func(
            query.contiguous(),
            key.contiguous(),
            value.contiguous(),
            borders,
            borders,
            longest,
            longest,
            dropout_p=dropout,
            softmax_scale=scaling,
            causal=True,
            window_size=(left, 0 if window else -1),
        )
        return found
    from torch.nn.attention.varlen import varlen_attn

    states = varlen_attn(
        query,
        key,
        value,
        borders,
        borders,
        longest,
        longest,
        scale=scaling,
        window_size=(left, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return states if isinstance(states, torch.Tensor) else states[0]


def best_kernel(device: torch.device, dtype: torch.dtype, *, dropout: bool) -> str:
    """The kernel for packed batches: `flash` where flash-attn is installed, `varlen` where
    PyTorch's own runs (both need CUDA of Ampere or later and a half-precision dtype), else
    `groups`, which runs everywhere."""
    half = dtype in (torch.float16, torch.bfloat16)
    if device.type != "cuda" or not half or torch.cuda.get_device_capability(device) < (8, 0):
        return "groups"
    if find_spec("flash_attn") is not None:
        return "flash"
    return "groups" if dropout else "varlen"


def use_documents(model: PreTrainedModel) -> None:
    """Switches a model's attention to the one above."""
    AttentionInterface.register(NAME, attend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_attn_implementation(NAME)
