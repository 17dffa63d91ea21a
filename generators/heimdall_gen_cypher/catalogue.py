"""Every family there is: templates, plans and tasks, with the share of each kind."""

from __future__ import annotations

from collections.abc import Iterable

from heimdall_gen_cypher.families import CATEGORIES as TEMPLATE_CATEGORIES
from heimdall_gen_cypher.families import FAMILIES
from heimdall_gen_cypher.family import Family
from heimdall_gen_cypher.plans import PLANS
from heimdall_gen_cypher.plans.plan import PlanFamily
from heimdall_gen_cypher.tasks import TASKS

ALL: tuple[Family | PlanFamily, ...] = (*FAMILIES, *PLANS, *TASKS)

#: Categories of the rows, in the order of the families.
CATEGORIES: tuple[str, ...] = tuple(
    dict.fromkeys((*TEMPLATE_CATEGORIES, *(family.category for family in (*PLANS, *TASKS))))
)

#: Share of the rows by kind: short questions of one pattern, plans that grow, tasks.
SHARES = (0.25, 0.55, 0.2)


def weighted(families: Iterable[Family | PlanFamily]) -> list[tuple[float, Family | PlanFamily]]:
    """The families with their weights. Among families of several kinds, each kind has its share;
    those of one kind keep the weights that they were given."""
    chosen = list(families)
    kinds: tuple[list[Family | PlanFamily], ...] = (
        [f for f in chosen if isinstance(f, Family)],
        [f for f in chosen if f in PLANS],
        [f for f in chosen if f in TASKS],
    )
    scale: dict[str, float] = {}
    several = sum(bool(kind) for kind in kinds) > 1
    for kind, share in zip(kinds, SHARES, strict=True):
        total = sum(family.weight for family in kind)
        for family in kind:
            scale[family.name] = share / total if several else 1.0
    return [(family.weight * scale[family.name], family) for family in chosen]
