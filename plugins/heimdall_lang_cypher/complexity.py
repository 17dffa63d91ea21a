"""How hard a query is, and the context that a model needs for queries like it.

Counted on tokens and not on the tree, so that a query with a mistake has a complexity too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from heimdall_core.types import CONTEXT_SIZES, Complexity
from heimdall_lang_cypher.lexer import tokenize
from heimdall_lang_cypher.signatures import aggregating_functions
from heimdall_lang_cypher.tokens import END, NAMES

#: What one occurrence adds to a query's score. A stage counts once more as a clause.
WEIGHTS: Final = {
    "clauses": 1,
    "hops": 1,
    "variable_hops": 1,
    "aggregations": 1,
    "comprehensions": 1,
    "stages": 2,
    "unions": 2,
    "subqueries": 4,
}

#: The highest score of the levels 1 to 3. Level 4 is all that lies above, as one statement.
_HIGHEST: Final = (3, 8, 22)
_SIZES: Final = tuple(CONTEXT_SIZES)

#: The question, the schema and the answer share the context; the query gets this part of it.
_QUERY_SHARE: Final = 0.5
_CHARACTERS_PER_TOKEN: Final = 3.5

#: Words that begin a clause or a command.
_CLAUSES: Final = frozenset(
    (
        *("ALTER", "CALL", "CREATE", "DELETE", "DROP", "FILTER", "FINISH", "FOREACH", "GRANT"),
        *("INSERT", "LET", "LOAD", "MATCH", "MERGE", "REMOVE", "RETURN", "SET", "SHOW", "UNWIND"),
        "WITH",
    )
)
#: After these, a word of `_CLAUSES` is something else: a name, or a part of another clause.
_NO_CLAUSE_AFTER: Final = frozenset((".", ":", "&", "!", "ON", "AS", "STARTS", "ENDS", "EXISTS"))
_QUANTIFIERS: Final = frozenset(("ALL", "ANY", "NONE", "SINGLE", "REDUCE", "ALLREDUCE"))
_SUBQUERIES: Final = frozenset(("EXISTS", "COUNT", "COLLECT"))


def complexity(query: str) -> Complexity:
    """Counts what a query is made of, and from that its level and context size.

    Level and size go together: 1 `small` (one clause and its `RETURN`), 2 `medium` (a hop, simple
    aggregation), 3 `large` (`WITH` stages, several hops), 4 `xl` (many stages), 5 `max` (several
    statements). A text that is too long for the size gets a larger one, at the same level.
    """
    tokens = tokenize(query)
    counts = _counts(tokens.kinds, tokens.texts)
    score = sum(weight * counts[name] for name, weight in WEIGHTS.items())
    level = 5 if counts["statements"] > 1 else 1 + sum(score > highest for highest in _HIGHEST)
    size = next(
        (
            name
            for name in _SIZES[level - 1 :]
            if len(query) / _CHARACTERS_PER_TOKEN <= CONTEXT_SIZES[name] * _QUERY_SHARE
        ),
        _SIZES[-1],
    )
    return Complexity(level, size, {**dict.fromkeys(WEIGHTS, 0), **counts, "score": score})


def _counts(kinds: Sequence[str], texts: Sequence[str]) -> Counter[str]:
    counts = Counter[str]()
    before = ";"
    action = False
    last_bar = max((index for index, kind in enumerate(kinds) if kind == "|"), default=-1)
    for index, kind in enumerate(kinds):
        if kind == END:
            break
        after, third = kinds[index + 1], kinds[index + 2]
        if before == ";" and kind != ";":
            counts["statements"] += 1
        if kind == "WITH" and texts[index + 1].upper() == "HEADERS":
            continue
        if kind in _CLAUSES and before not in _NO_CLAUSE_AFTER and after != ":" and not action:
            counts["clauses"] += 1
            counts["stages"] += kind == "WITH"
            counts["subqueries"] += kind == "CALL" and _opens_subquery(kinds, index + 1)
        elif kind == "UNION":
            counts["unions"] += 1
        elif kind in ("-", "<") and before == ")" and _is_hop(kinds, index):
            counts["hops"] += 1
        elif kind in _SUBQUERIES and after == "{":
            counts["subqueries"] += 1
        elif kind == "[":
            # A list comprehension, or a pattern comprehension.
            counts["comprehensions"] += before != "-" and (
                (after in NAMES and third in ("IN", "=")) or (after == "(" and index < last_bar)
            )
        elif kind == "*" and (before in (":", "[") or kinds[index - 2] in (":", "|", "[")):
            counts["variable_hops"] += 1
        elif kind in _QUANTIFIERS and after == "(":
            counts["comprehensions"] += 1
        if after == "(" and before != "." and texts[index].lower() in aggregating_functions():
            counts["aggregations"] += 1
        # `ON CREATE SET` and `ON MATCH SET` belong to their MERGE.
        action = before == "ON" and kind in ("CREATE", "MATCH")
        before = kind
    return counts


def _is_hop(kinds: Sequence[str], index: int) -> bool:
    """Whether a `-` or `<` after a node begins a relationship: `-[`, `--`, `-->`, `<-`."""
    if kinds[index] == "<":
        return kinds[index + 1] == "-"
    return kinds[index + 1] == "[" or (
        kinds[index + 1] == "-" and kinds[index + 2 + (kinds[index + 2] == ">")] == "("
    )


def _opens_subquery(kinds: Sequence[str], index: int) -> bool:
    """Whether `{`, or `(variables) {`, stands at `index`."""
    if kinds[index] == "(":
        index += 1
        while kinds[index] in NAMES or kinds[index] in (",", "*"):
            index += 1
        index += kinds[index] == ")"
    return kinds[index] == "{"
