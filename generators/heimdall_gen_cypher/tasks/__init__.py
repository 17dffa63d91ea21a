"""Tasks about a query that is there: say what it does, fix it, make it faster."""

from __future__ import annotations

from heimdall_gen_cypher.plans.plan import PlanFamily
from heimdall_gen_cypher.tasks import explain, fix, optimise

TASKS: tuple[PlanFamily, ...] = (
    PlanFamily("task_explain", "cypher_explain", explain.explained, 8),
    PlanFamily("task_fix_syntax", "cypher_fix", fix.misspelt, 5),
    PlanFamily("task_fix_names", "cypher_fix", fix.misnamed, 4, needs_schema=True),
    PlanFamily("task_fix_meaning", "cypher_fix", fix.meant, 4),
    PlanFamily("task_fix_nornicdb", "cypher_fix", fix.rewritten, 3, dialects=("nornicdb",)),
    PlanFamily("task_optimise", "cypher_optimise", optimise.optimised, 7),
)
