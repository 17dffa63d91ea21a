"""The row of an answer that was taken, with where it comes from."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import render_example
from heimdall_core.types import CONTEXT_SIZES, NO_SCHEMA, Example
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Costs, Found, Rejected
from heimdall_gen_distill.words import short_hash

SOURCE = "distill"
#: What a query is repaired for where its prompt asks nothing.
MEND_IT = "This Cypher query fails. Write the query as it should be."


@frozen
class Provenance:
    """What all rows of a run have in common."""

    teacher: str
    model: str
    prompt: str
    """Label of the prompt, or `plain`."""
    terms: str
    judge: str = ""
    """Model that scored; empty for none."""
    judge_prompt: str = ""
    """Label of what it was told."""


def make_row(
    item: Item, found: Found, costs: Costs, options: DistillOptions, origin: Provenance, known: bool
) -> Example:
    """The row; `known` says whether the prompt's schema is. Raises `Rejected`."""
    instruction, given, output, language = _sides(item, found, options.task)
    try:
        rendered = render_example(instruction, given, output)
    except HeimdallError as error:
        raise Rejected(str(error)) from error
    size = len(rendered.prompt.encode()) + len(rendered.answer.encode())
    meta: dict[str, Any] = {
        "teacher": origin.teacher,
        "model": origin.model,
        "prompt": origin.prompt,
        # The day: a run that was killed and goes on makes the same file as one that was not.
        "asked": costs.answers[-1].asked[:10],
        "terms": origin.terms,
        "tokens": costs.tokens,
        "usd": round(costs.usd, 8),
    }
    if item.category:
        meta["category"] = item.category
    if found.votes:
        meta["votes"] = found.votes
    if found.repaired:
        meta["repaired"] = found.repaired
    if origin.judge:
        meta |= {
            "judge": origin.judge,
            "judge_prompt": origin.judge_prompt,
            "score": found.score,
        }
    if language and options.dialect != "nornicdb":
        meta["dialect"] = options.dialect
    return Example(
        instruction=instruction,
        input=given,
        output=output,
        category=f"distilled_{options.task}",
        context_size=next((n for n, limit in CONTEXT_SIZES.items() if size <= limit), "max"),
        source=SOURCE,
        licence=options.licence,
        language=language,
        schema=item.schema if known else NO_SCHEMA,
        family=f"distill-{short_hash(found.family)}",
        combination=short_hash(f"{item.schema}\n{found.canonical}"),
        verification=found.marks,
        meta=meta,
    )


def _sides(item: Item, found: Found, task: str) -> tuple[str, str, str, str]:
    """Instruction, input, output and language of the row."""
    fields = found.fields
    if task == "explain":
        return "Explain what this query does.", found.query, fields["explanation"], ""
    if task == "repair":
        ask = item.question or MEND_IT
        wrong = f"{item.query}\n\n{item.finding}" if item.finding else item.query
        return ask, wrong, found.query, "cypher"
    question = fields.get("question") or item.question
    return question, item.given, found.query, "cypher"
