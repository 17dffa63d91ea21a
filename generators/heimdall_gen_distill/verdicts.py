"""Whether an answer is taken: its query is checked and run, its words are held against it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from heimdall_core.types import Finding
from heimdall_gen_distill.checking import QueryChecker
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Found, Rejected
from heimdall_gen_distill.words import loose, needed, plain_query, unknown_names
from heimdall_lang_cypher.complexity import complexity
from heimdall_lang_cypher.extract import extract
from heimdall_lang_cypher.normalise import normalise
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError


class Verdicts:
    """Looks at the answers of one task."""

    def __init__(
        self, options: DistillOptions, checker: QueryChecker, schemas: Collection[str]
    ) -> None:
        self._options, self._checker, self._schemas = options, checker, schemas

    async def of(self, item: Item, fields: Mapping[str, str]) -> Found:
        """What an answer comes to. Raises `Rejected`."""
        if "query" in fields:
            return await self._query(item, fields, fields["query"])
        query = plain_query(item.query)
        found = await self._query(item, fields, query)
        if self._options.task == "explain":
            unknown = unknown_names(fields.get("explanation", ""), query)
            if unknown:
                raise Rejected(f"names something that the query does not have: {unknown[0]}")
        else:
            self._question(item, fields.get("question", ""), query)
        return found

    def _question(self, item: Item, text: str, query: str) -> None:
        missing = sorted(word for word in needed(query) if word not in text)
        if missing:
            raise Rejected(f"the question does not say {missing[0]!r}")
        if extract(text) or "->" in text or "]-" in text:
            raise Rejected("the question holds Cypher")
        if self._options.task == "paraphrase" and loose(text) == loose(item.question):
            raise Rejected("the same words again")

    async def _query(self, item: Item, fields: Mapping[str, str], text: str) -> Found:
        query = extract(text)
        if not query:
            raise Rejected("no query in the answer")
        looked = await self._checker.look(query, item.schema)
        if looked.finding is not None:
            raise Rejected(said(looked.finding))
        if looked.problem:
            raise Rejected(f"cannot be checked: {looked.problem[:200]}")
        marks: tuple[str, ...] = ("cypher:checked",)
        ran = ""
        if self._options.execute and item.schema in self._schemas:
            result = await self._checker.run(query, item.schema)
            if result.verdict == "error":
                raise Rejected(f"does not run: {result.detail[:200]}")
            if result.verdict == "rows":
                marks += ("cypher:executed",)
                if result.detail:
                    ran = hashlib.sha256(result.detail.encode()).hexdigest()[:16]
        if self._options.task == "evolve":
            _is_harder(item, query, looked.canonical)
        return Found(fields, query, looked.canonical, looked.family, marks, ran)


def _is_harder(item: Item, query: str, canonical: str) -> None:
    before = plain_query(item.query)
    try:
        if normalise(before).canonical == canonical:
            raise Rejected("means the same as before")
        old, new = complexity(before), complexity(query)
    except CypherSyntaxError as error:
        raise Rejected(f"the query to make harder is none: {error}") from error
    if (new.level, sum(new.counts.values())) <= (old.level, sum(old.counts.values())):
        raise Rejected("no harder than before")


def said(finding: Finding) -> str:
    """A finding in one line, with its place and what was likely meant."""
    place = f"line {finding.line}, column {finding.column}"
    hint = f"; likely meant: {finding.suggestion}" if finding.suggestion else ""
    return f"{finding.code} at {place}: {finding.message}{hint}"
