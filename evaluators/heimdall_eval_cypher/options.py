"""Options of the evaluators. Imports nothing heavy."""

from __future__ import annotations

from attrs import frozen


@frozen
class CypherOptions:
    """Options of the evaluators `cypher_syntax`, `cypher_semantics` and `cypher_performance`."""

    dialect: str = ""
    """Whose Cypher the answers must be; empty for the language's default."""
