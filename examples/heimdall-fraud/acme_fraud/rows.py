"""Questions of fraud desks about accounts, devices and payments, with their Cypher."""

from __future__ import annotations

import random
from collections.abc import Iterator

from attrs import field, frozen, validators

from heimdall_core import Example, GenerateContext, HeimdallError

#: The graph that the rows speak of, in the shape that the Cypher language reads.
SCHEMA = {
    "name": "fraud",
    "nodes": {
        "Account": {"properties": {"id": "STRING", "balance": "INTEGER"}},
        "Device": {"properties": {"serial": "STRING"}},
    },
    "relationships": [
        {"type": "PAID", "from": "Account", "to": "Account", "properties": {"amount": "INTEGER"}},
        {"type": "USED", "from": "Account", "to": "Device", "properties": {}},
    ],
}

#: Family → (question, query); `{n}` is the number that both speak of.
FAMILIES = {
    "large_payment": (
        "Return the ids of the accounts that paid more than {n} in one payment, each once.",
        "MATCH (a:Account)-[p:PAID]->(:Account) WHERE p.amount > {n} RETURN DISTINCT a.id",
    ),
    "shared_device": (
        "Return the serial of each device that more than {n} accounts used.",
        "MATCH (a:Account)-[:USED]->(d:Device) WITH d, count(DISTINCT a) AS accounts "
        "WHERE accounts > {n} RETURN d.serial",
    ),
    "mule": (
        "Return the ids of the accounts that were paid more than {n} in all.",
        "MATCH (:Account)-[p:PAID]->(a:Account) WITH a, sum(p.amount) AS total "
        "WHERE total > {n} RETURN a.id",
    ),
}


@frozen
class Options:
    """What a recipe's [generate.mix.fraud] may set."""

    highest: int = field(default=5000, validator=validators.ge(1))
    """Largest number that is asked for."""
    families: tuple[str, ...] = tuple(FAMILIES)
    """Kinds of questions."""


def examples(context: GenerateContext, options: Options) -> Iterator[Example]:
    """Rows with distinct prompts, each with the one right answer. Same seed, same rows."""
    for family in options.families:
        if family not in FAMILIES:
            raise HeimdallError(
                f"unknown family '{family}'",
                where="generate.mix.fraud.families",
                hint=f"Available: {', '.join(FAMILIES)}",
            )
    pairs = [(family, n) for family in options.families for n in range(1, options.highest + 1)]
    random.Random(context.seed).shuffle(pairs)
    for family, n in pairs[: context.count]:
        question, query = FAMILIES[family]
        yield Example(
            instruction=question.format(n=n),
            output=query.format(n=n),
            category="fraud",
            licence="MIT",
            language="cypher",
            schema="fraud",
            family=f"fraud:{family}",
            combination=f"fraud:{family}:{n}",
        )
    if context.count > len(pairs):
        context.note(f"fraud can make {len(pairs)} rows; raise 'highest' for more")
