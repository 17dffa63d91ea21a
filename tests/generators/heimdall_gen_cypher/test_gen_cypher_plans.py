"""Plans and tasks: right in every dialect, determined by their prompts, the same for a seed."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import islice

import pytest

from heimdall_core.types import CheckRequest, Example, GenerateContext
from heimdall_gen_cypher.catalogue import ALL
from heimdall_gen_cypher.family import DIALECTS, Family
from heimdall_gen_cypher.generate import examples, schemas_as_json
from heimdall_gen_cypher.options import CypherOptions
from heimdall_gen_cypher.plans import PLANS
from heimdall_gen_cypher.plans.drawing import Draw
from heimdall_gen_cypher.plans.plan import Plan, PlanFamily
from heimdall_gen_cypher.plans.voice import Voice
from heimdall_gen_cypher.schema import load_schema, schema_names, words
from heimdall_gen_cypher.tasks import TASKS
from heimdall_lang_cypher.language import check

SCHEMAS = schemas_as_json(CypherOptions())
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'")


def drawn(family: PlanFamily, dialect: str, seed: int, count: int) -> list[tuple[str, Plan, bool]]:
    """Plans of a family over random schemas: the schema's name, the plan, whether it is shown."""
    rng = random.Random(seed)
    names = schema_names()
    found: list[tuple[str, Plan, bool]] = []
    for _ in range(60 * count):
        name, shown = rng.choice(names), rng.random() < 0.5
        plan = family.make(Draw(rng, load_schema(name), dialect), Voice(rng, shown=shown))
        if plan is not None:
            found.append((name, plan, shown))
        if len(found) == count:
            return found
    raise AssertionError(f"{family.name} yields too little")


def errors(query: str, schema: str, dialect: str = "nornicdb") -> list[str]:
    request = CheckRequest(dialect=dialect, schema=SCHEMAS[schema], performance=False)
    return [f.message for f in check(query, request) if f.severity == "error"]


@pytest.fixture(scope="module", params=[3, 11])
def mixed(request: pytest.FixtureRequest) -> list[Example]:
    """A few thousand rows of all kinds, for two seeds."""
    return list(examples(GenerateContext(3_000, request.param), CypherOptions()))


@pytest.mark.parametrize("family", [*PLANS, *TASKS], ids=lambda family: family.name)
def test_every_family_is_right_in_each_of_its_dialects(family: PlanFamily) -> None:
    for seed, dialect in enumerate(family.dialects):
        for schema, plan, _ in drawn(family, dialect, seed, 25):
            assert errors(plan.query, schema, dialect) == [], plan.query


@pytest.mark.parametrize("family", PLANS, ids=lambda family: family.name)
def test_a_prompt_names_what_its_query_needs(family: PlanFamily) -> None:
    for schema, plan, shown in drawn(family, family.dialects[0], 5, 40):
        said = plan.prompt.lower()
        spoken = set(re.findall(r"\w+", words(plan.prompt) + " " + said))
        for text in _TEXT.findall(plan.query):
            bare = text[1:-1].replace("\\'", "'").replace("\\\\", "\\").lower()
            assert bare in said, (plan.prompt, plan.query)
        bare = _TEXT.sub("''", plan.query)
        for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", bare):
            one = number == "1" and re.search(r"first row|next row|one", said)
            assert one or number in said, (number, plan.prompt, plan.query)
        for name in _names(bare, schema):
            told = words(name).split()
            # What the schema shows may be told by a verb; words stand for a name, or the name.
            assert shown or name.lower() in said or _said(told, said, spoken), (name, plan.prompt)


def _names(bare: str, schema: str) -> set[str]:
    """Labels, types and properties of the schema that a query holds."""
    own = load_schema(schema)
    known = {node.label for node in own.nodes} | {r.type for r in own.relationships}
    known |= {p.name for node in own.nodes for p in node.properties}
    known |= {p.name for r in own.relationships for p in r.properties}
    return known & set(re.findall(r"[:.|](\w+)", bare))


def _said(told: list[str], said: str, spoken: set[str]) -> bool:
    plural = " ".join(told[:-1])
    return " ".join(told) in said or (
        plural in said
        and any(each.startswith(told[-1][: max(2, len(told[-1]) - 2)]) for each in spoken)
    )


@pytest.mark.parametrize(
    ("form", "words_"),
    [
        (r"RETURN DISTINCT", r"distinct|duplicate|different"),
        (r"count\(DISTINCT", r"different"),
        (r"ORDER BY", r"sorted|ordered|arranged|alphabetical|best score|in order"),
        (r" DESC\b", r"descending|reverse|best score|highest"),
        (r"\bLIMIT", r"first|at most|no more|limit|next|row"),
        (r"\bSKIP", r"skipping|leave out"),
        (r"NOT EXISTS", r"\bno\b"),
        (r"(?<!NOT )EXISTS", r"at least one"),
        (r"\bMERGE\b", r"merge|make sure|if it is not there|upsert"),
        (r"DETACH", r"relationship|detach"),
        (r"IS NULL", r"\bno\b|missing|not set|null"),
    ],
)
def test_prompts_and_queries_agree_about_clauses(form: str, words_: str) -> None:
    seen = 0
    for family in PLANS:
        if "nornicdb" not in family.dialects:
            continue
        for _, plan, _ in drawn(family, "nornicdb", 9, 40):
            holds = re.search(form, _TEXT.sub("''", plan.query)) is not None
            if holds:
                seen += 1
                assert re.search(words_, plan.prompt.lower()), (plan.prompt, plan.query)
            elif form in (r"ORDER BY", r" DESC\b", r"\bSKIP", r"RETURN DISTINCT"):
                quiet = _TEXT.sub("", plan.prompt.lower())
                strict = {
                    "ORDER BY": r"\b(sorted|ordered|arranged) by",
                    r" DESC\b": r"descending",
                    r"\bSKIP": r"skipping",
                    "RETURN DISTINCT": r"without duplicate rows|distinct rows",
                }[form]
                assert not re.search(strict, quiet), (plan.prompt, plan.query)
    assert seen > 5


def test_one_answer_per_prompt_before_anything_is_left_out() -> None:
    answer: dict[tuple[str, str, str], str] = {}
    for family in PLANS:
        for schema, plan, _ in drawn(family, family.dialects[0], 21, 150):
            known = answer.setdefault((schema, plan.prompt, plan.input), plan.query)
            assert known == plan.query, plan.prompt


def test_rows_are_unique_right_and_whole(mixed: list[Example]) -> None:
    assert len({row.prompt_key for row in mixed}) == len(mixed) == 3_000
    for row in mixed:
        assert row.family
        assert row.schema in SCHEMAS
        assert row.licence == "MIT"
        assert row.instruction == " ".join(row.instruction.split())
        if row.language:
            assert errors(row.output, row.schema) == [], row.output


def test_all_kinds_and_families_are_there(mixed: list[Example]) -> None:
    families = Counter(row.family for row in mixed)
    wanted = {family.name for family in ALL if "nornicdb" in family.dialects}
    assert wanted - families.keys() == set()
    templates = sum(families[f.name] for f in ALL if isinstance(f, Family))
    tasks = sum(families[f.name] for f in TASKS)
    assert templates / len(mixed) == pytest.approx(0.25, abs=0.03)
    assert tasks / len(mixed) == pytest.approx(0.2, abs=0.03)


def test_schemas_stand_in_the_input_of_some_alone_or_among_others(mixed: list[Example]) -> None:
    plans = [row for row in mixed if row.family.startswith("plan_")]
    shown = [row for row in plans if row.input]
    assert len(shown) / len(plans) == pytest.approx(0.45, abs=0.06)
    crowded = 0
    for row in shown:
        own = load_schema(row.schema)
        assert all(node.label in row.input for node in own.nodes)
        assert all(p.name in row.input for node in own.nodes for p in node.properties)
        crowded += (
            sum(
                any(re.search(rf"\b{n.label}\b", row.input) for n in load_schema(name).nodes)
                for name in ("cinema", "crm", "wine", "movies", "hr", "mining")
                if name != row.schema
            )
            > 0
        )
    assert 0 < crowded < len(shown) / 2


def test_sizes_reach_from_small_to_large(mixed: list[Example]) -> None:
    sizes = Counter(row.context_size for row in mixed)
    assert sizes["small"] > sizes["medium"] > 100
    assert sizes["large"] > 100
    assert sizes["xl"] + sizes["max"] > 0


def test_what_is_to_be_fixed_is_wrong_and_the_answer_is_not(mixed: list[Example]) -> None:
    seen = 0
    for row in mixed:
        if row.category == "cypher_fix":
            wrong = row.input.partition("\n\n")[0]
            assert errors(wrong, row.schema), wrong
            assert wrong != row.output
            seen += 1
    assert seen > 200


def test_a_finding_is_gone_after_its_optimisation(mixed: list[Example]) -> None:
    seen = 0
    for row in mixed:
        if row.category != "cypher_optimise":
            continue
        request = CheckRequest(dialect="nornicdb", schema=SCHEMAS[row.schema])
        slow = row.input.partition("\n\n")[0]
        before, after = (
            {f.code for f in check(query, request) if f.kind == "performance"}
            for query in (slow, row.output)
        )
        assert before - after, row
        seen += 1
    assert seen > 100


def test_an_explanation_names_what_its_query_holds(mixed: list[Example]) -> None:
    rows = [row for row in mixed if row.category == "cypher_explain"]
    assert len(rows) > 100
    for row in rows:
        assert row.language == ""
        query = row.input.partition("\n\n")[0]
        assert errors(query, row.schema) == []
        for text in _TEXT.findall(query):
            assert text[1:-1].replace("\\'", "'") in row.output
        for number in re.findall(r"LIMIT (\d+)", query):
            assert number in row.output or number == "1"
        assert ("descending" in row.output) == (" DESC" in query)
        assert ("without duplicate" in row.output or "different" in row.output) == (
            "DISTINCT" in query
        )
        assert not ("one row per match" in row.output and "without duplicate" in row.output)
        # It rests on the plan that the query was written from, and on no other.
        kind, family, schema, plan = row.meta["fact"].split(":")
        assert (kind, schema, plan) == ("plan", row.schema, row.combination)
        assert family in {each.name for each in PLANS}


@pytest.mark.parametrize("dialect", DIALECTS[1:])
def test_rows_of_other_dialects_name_theirs_and_fit_it(dialect: str) -> None:
    rows = list(islice(examples(GenerateContext(800, 2), CypherOptions(dialect)), 800))
    assert {row.meta["dialect"] for row in rows} == {dialect}
    assert any(row.family.startswith("neo4j_") for row in rows)
    for row in rows:
        if row.language:
            assert errors(row.output, row.schema, dialect) == [], row.output


def test_a_verb_tells_one_relationship() -> None:
    for name in schema_names():
        schema = load_schema(name)
        told = Counter((r.verb, r.start, r.end) for r in schema.relationships if r.verb[0])
        assert max(told.values()) == 1, name


def test_templates_speak_the_words_of_a_type_only_where_they_read_as_a_verb() -> None:
    hotels = load_schema("hotels")
    quiet = {r.type for r in hotels.relationships if not r.words}
    assert "HAS_ROOM" in quiet
    for family in ALL:
        if isinstance(family, Family) and any("|words>" in text for text in family.phrasings):
            for binding in family.bindings(hotels):
                bound = {getattr(each, "type", "") for each in binding.values()}
                assert not bound & quiet, family.name
