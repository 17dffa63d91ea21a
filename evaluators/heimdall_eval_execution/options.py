"""Options of the evaluator. Imports nothing heavy."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen(kw_only=True)
class ExecutionOptions:
    """Where and how queries are run. The string below each field is its help text."""

    engine: str = ""
    """An embedded engine of the language, or `bolt` for a server; empty for the first embedded."""
    graphs: int = field(default=2, validator=[validators.ge(1), validators.le(10)])
    """Graphs with made data that a row is run on (embedded engines); an answer must be right on
    all of them."""
    timeout: float = field(default=10.0, validator=validators.gt(0))
    """Seconds that one query may take."""
    tolerance: float = field(default=1e-6, validator=validators.ge(0))
    """Relative difference up to which two floats are the same number."""
    writes: bool = False
    """Whether queries that write are run. They are undone: a server's transaction is rolled back,
    an embedded graph is filled anew."""
    uri: str = ""
    """Address of the server, such as `bolt://localhost:7687`, for the engine `bolt`."""
    user: str = ""
    """User name on the server; empty for one that asks for none."""
    password_variable: str = "NEO4J_PASSWORD"  # noqa: S105 - the name of a variable
    """Environment variable that holds the password. It is read from there and written nowhere."""
    database: str = ""
    """Database on the server; empty for its default."""
    dialect: str = ""
    """Whose Cypher the answers are; empty for the language's default."""
