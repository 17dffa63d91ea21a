"""What a plan comes to, and a family of plans."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from heimdall_gen_cypher.family import DIALECTS
from heimdall_gen_cypher.plans.drawing import Draw
from heimdall_gen_cypher.plans.query import query
from heimdall_gen_cypher.plans.reading import Reading
from heimdall_gen_cypher.plans.speech import ask, explain
from heimdall_gen_cypher.plans.voice import Voice


@frozen
class Plan:
    """A prompt with its answer."""

    prompt: str
    query: str
    explanation: str = ""
    """What the query does, where a question may ask for that."""
    input: str = ""
    """What comes with the prompt, beside the schema."""
    output: str = ""
    """The answer where it is not the query."""
    rows: bool = True
    """Whether the query is expected to return rows on data that the plan fits."""
    source: str = ""
    """The family that drew the query, where `output` tells what it does."""


Make = Callable[[Draw, Voice], Plan | None]

_NEO4J = ("neo4j", "neo4j5")


@frozen(eq=False)
class PlanFamily:
    """Plans of one kind. What it makes depends on the draw alone."""

    name: str
    category: str
    make: Make
    weight: float = 1.0
    dialects: tuple[str, ...] = field(default=DIALECTS)
    needs_schema: bool = False
    """Whether the schema must come with the prompt."""
    words: bool = True
    """Whether a prompt may say names in words that only the schema makes plain."""


def read(draw: Callable[[Draw], Reading | None]) -> Make:
    """A family's `make` out of a function that draws a reading."""

    def make(on: Draw, voice: Voice) -> Plan | None:
        reading = draw(on)
        if reading is None:
            return None
        return Plan(ask(reading, voice), query(reading), explain(reading), rows=not reading.skip)

    return make
