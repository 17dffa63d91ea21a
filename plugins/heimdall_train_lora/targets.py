"""Which layers get an adapter: the names of a recipe, as the base model has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from heimdall_core.errors import RecipeError, did_you_mean

#: The decoder's linear layers, as Qwen2, Llama and their like name them.
LINEAR: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

ALL_LINEAR: Final = "all-linear"

#: Fused layers (Phi-3), and what is in each.
FUSED: Final = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
}


def resolve_targets(wanted: Sequence[str], present: Collection[str]) -> tuple[str, ...]:
    """The layers to adapt, of those `present` in the base (last part of their names), sorted.

    Where the base fuses layers, the fused one is taken if all that is in it is wanted.

    Raises `RecipeError` for a layer that the base does not have, and for a part of a fused layer:
    the adapter would train the rest of it as well.
    """
    if not wanted:
        raise RecipeError("names no layer", where="train.target_modules")
    decoder = {*LINEAR, *FUSED} & set(present)
    if ALL_LINEAR in wanted:
        if len(wanted) > 1:
            raise RecipeError(
                f"'{ALL_LINEAR}' stands alone",
                where="train.target_modules",
                hint="leave the other names out",
            )
        return tuple(sorted(decoder or present))
    found: set[str] = set()
    for name in wanted:
        if name in present:
            found.add(name)
            continue
        fused = next((f for f, parts in FUSED.items() if name in parts and f in present), None)
        if fused is None:
            raise RecipeError(
                f"the base model has no layer '{name}'",
                where="train.target_modules",
                hint=did_you_mean(name, [*decoder, ALL_LINEAR] if decoder else present),
            )
        left_out = [part for part in FUSED[fused] if part not in wanted]
        if left_out:
            raise RecipeError(
                f"'{name}' is a part of the fused layer '{fused}' of this base model, which also "
                f"holds {', '.join(left_out)}",
                where="train.target_modules",
                hint=f"name {', '.join(FUSED[fused])} together, or '{fused}'",
            )
        found.add(fused)
    return tuple(sorted(found))


def linear_names(names: Iterable[str]) -> set[str]:
    """The last parts of module names."""
    return {name.rpartition(".")[2] for name in names}
