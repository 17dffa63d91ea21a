"""The checker: syntax, semantics, schema, dialect and performance, in one call.

Severities. A query with an `error` is refused: it does not parse, it has no meaning (an undefined
variable, a wrong type), the dialect lacks it or answers it wrong, or it uses a name that is not in
the schema that it is checked against. What would run, and may be meant, is a `warning`. Names are
errors although a database runs such a query and finds nothing, because whoever gives a schema asks
whether the query fits it; without a schema no name is looked up. Findings about names have the kind
`schema`, so that they can be told from the others.
"""

from __future__ import annotations

import unicodedata

from attrs import evolve

from heimdall_core.types import CheckRequest, Finding
from heimdall_lang_cypher.dialects import (
    Dialect,
    check_dialect,
    check_node,
    dialect,
    for_statement,
)
from heimdall_lang_cypher.lexer import position
from heimdall_lang_cypher.parser import parse
from heimdall_lang_cypher.performance import performance_findings
from heimdall_lang_cypher.schema import GraphSchema, read_schema
from heimdall_lang_cypher.schema_check import check_schema
from heimdall_lang_cypher.semantics import analyse
from heimdall_lang_cypher.semantics_scope import Checker, Problem
from heimdall_lang_cypher.syntax_errors import CypherSyntaxError


def check(query: str, request: CheckRequest | None = None) -> tuple[Finding, ...]:
    """Everything that is found in a query, or in several separated by semicolons, in the order of
    the text. Empty where nothing is.

    Raises SchemaError and DialectError where the request itself is wrong, nothing else.
    """
    request = request or CheckRequest()
    default = dialect(request.dialect)
    schema = read_schema(request.schema) if request.schema else None
    try:
        script = parse(query)
    except CypherSyntaxError as error:
        return (evolve(error.finding(), code=_syntax_code(error)),)
    findings: list[Finding] = []
    for statement in script.statements:
        profile = for_statement(request.dialect, statement)
        checker = _checker(query, profile, request, schema)
        analyse(statement, checker)
        check_dialect(statement, profile, checker)
        if schema is not None:
            check_schema(checker, schema)
        findings += [_finding(problem, query) for problem in checker.problems]
        if request.performance:
            findings += performance_findings(statement, schema, query)
    if len(script.statements) > 1:
        checker = _checker(query, default, request, schema)
        check_node(script, default, checker)
        findings += [_finding(problem, query) for problem in checker.problems]
    if len(findings) > 1:
        findings.sort(key=lambda each: (each.line, each.column, each.severity != "error"))
    return tuple(findings)


def _checker(
    text: str, profile: Dialect, request: CheckRequest, schema: GraphSchema | None
) -> Checker:
    """The state that a statement of a dialect is checked with."""
    procedures = profile.procedures
    closed = schema is not None and schema.procedures is not None
    if schema is not None and schema.procedures:
        own = {signature.name.lower(): signature for signature in schema.procedures}
        procedures = {**procedures, **own}
    return Checker(
        text,
        profile.functions,
        procedures,
        version=profile.version,
        closed=closed,
        complete=profile.complete,
        namespaces=profile.namespaces,
        extensions=profile.extension_functions,
        unknown_function=profile.unknown_function,
        parameters=request.parameters,
        record=schema is not None,
    )


def _syntax_code(error: CypherSyntaxError) -> str:
    """The openCypher TCK's name for what is wrong with a text that does not parse."""
    found = error.found
    if not error.expected:
        if found[:1].isdigit() and not _is_key(error):
            return "InvalidNumberLiteral"
        if "\\u" in found.lower():
            return "InvalidUnicodeLiteral"
    if len(found) == 1 and ord(found) > 127 and unicodedata.category(found)[0] in "PSC":
        return "InvalidUnicodeCharacter"
    if "]" in error.expected and found in ("..", "-", "+", "*"):
        return "InvalidRelationshipPattern"
    return "UnexpectedSyntax"


def _is_key(error: CypherSyntaxError) -> bool:
    """Whether what was found stands where the key of a map should."""
    before = error.text[: error.offset].rstrip()
    after = error.text[error.offset + len(error.found) :].lstrip()
    return before.endswith(("{", ",")) and after.startswith(":")


def _finding(problem: Problem, text: str) -> Finding:
    line, column = position(text, problem.start)
    end_line, end_column = position(text, problem.end)
    return Finding(
        code=problem.code,
        severity=problem.severity,
        message=problem.message,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        kind=problem.kind,
        suggestion=problem.suggestion,
    )
