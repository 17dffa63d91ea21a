"""The checker as the core calls it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher import checker
from heimdall_lang_cypher.plugin import DIALECTS


def check(query: str, request: CheckRequest) -> Sequence[Finding]:
    """`checker.check`, with the language's first dialect where the request names none."""
    return checker.check(query, evolve(request, dialect=request.dialect or DIALECTS[0]))
