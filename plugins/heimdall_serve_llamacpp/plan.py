"""A query clause by clause: what is done in which order."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from heimdall_core.errors import HeimdallError
from heimdall_core.types import Language

_MEANINGS: Final = {
    "MATCH": "finds every place in the graph that fits the pattern",
    "OPTIONAL MATCH": "finds the pattern where it is, and keeps the row where it is not",
    "WHERE": "keeps the rows for which the condition is true",
    "WITH": "hands on these columns, and nothing else",
    "RETURN": "gives these columns back",
    "ORDER BY": "sorts the rows",
    "SKIP": "leaves out the first rows",
    "LIMIT": "keeps the first rows alone",
    "UNWIND": "makes a row of each element of a list",
    "CREATE": "creates nodes and relationships",
    "MERGE": "finds the pattern, or creates it",
    "ON CREATE SET": "sets properties of what MERGE created",
    "ON MATCH SET": "sets properties of what MERGE found",
    "SET": "sets properties or labels",
    "REMOVE": "removes properties or labels",
    "DETACH DELETE": "deletes nodes with their relationships",
    "DELETE": "deletes nodes or relationships",
    "CALL": "runs a procedure or a subquery",
    "YIELD": "takes these columns of the procedure",
    "UNION": "adds the rows of the next query",
    "FOREACH": "changes something for each element of a list",
}
_CLAUSE: Final = re.compile(
    r"^\s*(" + "|".join(sorted(map(re.escape, _MEANINGS), key=len, reverse=True)) + r")\b(.*)$"
)


@frozen
class Step:
    """One clause."""

    clause: str
    text: str
    meaning: str


def plan_of(language: Language, query: str) -> list[Step]:
    """The clauses of a query in order, as the language's printer lays them out; empty for one
    that does not parse."""
    try:
        lines = language.format(query).splitlines()
    except HeimdallError:
        return []
    steps: list[Step] = []
    for line in lines:
        found = _CLAUSE.match(line)
        if found:
            steps.append(Step(found[1], found[2].strip(), _MEANINGS[found[1]]))
        elif steps:
            last = steps[-1]
            steps[-1] = Step(last.clause, f"{last.text} {line.strip()}".strip(), last.meaning)
    return steps
