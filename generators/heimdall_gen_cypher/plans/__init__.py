"""Query plans: what a query is made of, and the words that ask for it, grown together."""

from __future__ import annotations

from heimdall_gen_cypher.plans import (
    families_neo4j as neo4j,
)
from heimdall_gen_cypher.plans import (
    families_paths as paths,
)
from heimdall_gen_cypher.plans import (
    families_procedures as procedures,
)
from heimdall_gen_cypher.plans import (
    families_reading as reading,
)
from heimdall_gen_cypher.plans import (
    families_values as values,
)
from heimdall_gen_cypher.plans import (
    families_writing as writing,
)
from heimdall_gen_cypher.plans.plan import PlanFamily, read

_NEO4J = ("neo4j", "neo4j5")
_NOT_9 = ("nornicdb", "neo4j", "neo4j5")
_NOT_NORNIC = ("neo4j", "neo4j5", "opencypher9")
_DATABASE = _NOT_9

#: Every family of plans, by category.
PLANS: tuple[PlanFamily, ...] = (
    PlanFamily("plan_filter", "cypher_filtering", read(reading.filtered), 6),
    PlanFamily("plan_sorted", "cypher_ordering", read(reading.sorted_), 6),
    PlanFamily("plan_nodes", "cypher_basic", read(reading.whole), 2),
    PlanFamily("plan_one_hop", "cypher_relationships", read(reading.one_hop), 8),
    PlanFamily("plan_two_hops", "cypher_chains", read(reading.two_hops), 7),
    PlanFamily("plan_three_hops", "cypher_chains", read(reading.three_hops), 5),
    PlanFamily("plan_four_hops", "cypher_chains", read(reading.four_hops), 3),
    PlanFamily("plan_branches", "cypher_chains", paths.branched, 3),
    PlanFamily("plan_relationship", "cypher_relationships", read(reading.related), 4),
    PlanFamily("plan_types", "cypher_relationships", read(reading.typed), 3),
    PlanFamily("plan_exists", "cypher_subqueries", read(reading.tested), 6, _NOT_9),
    PlanFamily("plan_having", "cypher_aggregation", read(reading.compared), 4),
    PlanFamily("plan_count", "cypher_aggregation", read(reading.counted), 4),
    PlanFamily("plan_measure", "cypher_aggregation", read(reading.measured), 4),
    PlanFamily("plan_group", "cypher_aggregation", read(reading.grouped), 7),
    PlanFamily("plan_reach", "cypher_paths", paths.reached, 3),
    PlanFamily("plan_shortest", "cypher_paths", paths.shortest, 1.5),
    PlanFamily("plan_arithmetic", "cypher_expressions", values.computed, 2),
    PlanFamily("plan_texts", "cypher_expressions", values.worded, 2),
    PlanFamily("plan_case", "cypher_expressions", values.cased, 2),
    PlanFamily("plan_lists", "cypher_lists", values.unwound, 1.5),
    PlanFamily("plan_any_all", "cypher_lists", values.listed_values, 1),
    PlanFamily("plan_call", "cypher_subqueries", values.nested, 1, _NOT_9),
    PlanFamily("plan_create", "cypher_create", writing.created, 2),
    PlanFamily("plan_create_path", "cypher_create", writing.created_path, 1.5),
    PlanFamily("plan_link", "cypher_create", writing.linked, 2),
    PlanFamily("plan_merge", "cypher_merge", writing.merged, 2),
    PlanFamily("plan_set", "cypher_update", writing.changed, 3),
    PlanFamily("plan_add", "cypher_update", writing.raised, 1.5),
    PlanFamily("plan_remove", "cypher_update", writing.removed, 1.5),
    PlanFamily("plan_delete", "cypher_delete", writing.deleted, 2),
    PlanFamily("plan_unlink", "cypher_delete", writing.unlinked, 1.5),
    PlanFamily("plan_names", "cypher_procedures", procedures.listed_names, 0.7, _DATABASE),
    PlanFamily("plan_fulltext", "cypher_procedures", procedures.found_by_text, 1, _DATABASE),
    PlanFamily("plan_vector", "cypher_procedures", procedures.found_by_vector, 1, _DATABASE),
    PlanFamily("plan_profile", "cypher_plans", read(reading.planned), 1.5, _DATABASE),
    PlanFamily("neo4j_count", "cypher_subqueries", neo4j.counts, 2, _NEO4J),
    PlanFamily("neo4j_collect", "cypher_subqueries", neo4j.collected, 2, _NOT_NORNIC),
    PlanFamily("neo4j_optional", "cypher_relationships", neo4j.optional, 2, _NOT_NORNIC),
    PlanFamily("neo4j_union", "cypher_subqueries", neo4j.united, 1, _NOT_NORNIC),
    PlanFamily("neo4j_map", "cypher_expressions", neo4j.projected, 1, _NEO4J),
    PlanFamily("neo4j_quantified", "cypher_paths", neo4j.quantified, 1, _NEO4J),
    PlanFamily("neo4j_labels", "cypher_filtering", neo4j.labelled, 1, _NEO4J),
    PlanFamily("neo4j_call", "cypher_subqueries", neo4j.correlated, 1, _NEO4J),
    PlanFamily("neo4j_spread", "cypher_aggregation", neo4j.spread, 1, _NOT_NORNIC),
    PlanFamily("neo4j_batches", "cypher_update", neo4j.batched, 1, _NEO4J),
    PlanFamily("neo4j_schema", "cypher_schema", neo4j.indexed, 1, _NEO4J),
    PlanFamily("neo4j_dates", "cypher_filtering", neo4j.dated, 1, _NEO4J),
)
