"""Several answers to one prompt: the one that most of them mean."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Found, Rejected


def vote(found: Sequence[Found], reasons: Sequence[str], options: DistillOptions) -> Found:
    """The answer that most samples mean, or that gives the same rows. Raises `Rejected`."""
    groups: dict[str, list[Found]] = {}
    for each in found:
        by_rows = options.vote == "execution" and each.ran
        text = each.ran if by_rows else each.canonical or " ".join(each.fields.values())
        groups.setdefault(text, []).append(each)
    wanted = options.min_agree or options.samples // 2 + 1
    best = max(groups.values(), key=len, default=[])
    if len(best) < wanted:
        if not found and reasons:
            raise Rejected(reasons[0])
        raise Rejected(f"no {wanted} of {options.samples} answers agree")
    return evolve(best[0], votes=len(best))
