"""What each finding means, for `heimdall cypher explain-findings` and SARIF's rules."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from attrs import frozen

from heimdall_lang_cypher.dialects import NAMES, dialect


@frozen
class Explanation:
    """One code of a finding."""

    code: str
    title: str
    why: str
    """What goes wrong."""
    instead: str
    """What to write; '' where that depends on the query."""


@cache
def explanations() -> dict[str, Explanation]:
    """Explanations by code: those of `data/explanations.toml` in its order, then those of the
    constructs that a dialect minds, by name."""
    text = files(__package__).joinpath("data", "explanations.toml").read_text("utf-8")
    known = {code: Explanation(code, **entry) for code, entry in tomllib.loads(text).items()}
    return known | {code: each for code, each in sorted(_constructs().items()) if code not in known}


def explain(code: str) -> Explanation | None:
    """The explanation of one code; None for a code without one."""
    return explanations().get(code)


def _constructs() -> dict[str, Explanation]:
    """One explanation for each construct, of what every dialect says about it."""
    messages: dict[str, dict[str, str]] = {}
    suggestions: dict[str, str] = {}
    for name in NAMES:
        for constructs in dialect(name).constructs.values():
            for construct in constructs:
                messages.setdefault(construct.code, {})[name] = construct.message
                suggestions.setdefault(construct.code, construct.suggestion)
    return {
        code: Explanation(
            code,
            f"a construct that {' and '.join(said)} {'mind' if len(said) > 1 else 'minds'}",
            "; ".join(f"{name}: {message}" for name, message in said.items()),
            suggestions[code],
        )
        for code, said in messages.items()
    }
