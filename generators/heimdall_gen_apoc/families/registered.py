"""What NornicDB registers under apoc.* and Cypher does not evaluate, and what to use instead."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from heimdall_repo_nornicdb.callable import (
    alternative,
    call_of,
    gives,
    is_callable,
    near,
    why_not,
)
from heimdall_repo_nornicdb.checkout.sources import Registration
from heimdall_repo_nornicdb.facts import apoc_signatures
from heimdall_repo_nornicdb.rows.families import Draft, Family, prose
from heimdall_repo_nornicdb.rows.names import either

CATEGORY = "apoc_registered"


def verdict(name: str) -> str:
    """Whether Cypher evaluates a registered function, and what to do if not."""
    call, result = call_of(name), gives(name)
    told = f" It gives {result}." if result else ""
    match call:
        case "works":
            return f"Yes: {name} evaluates from Cypher, without any plugin.{told}"
        case "plugin":
            return (
                f"Yes, once the APOC plugin is loaded; without it {name} echoes its own text.{told}"
            )
        case "differs":
            return (
                f"It runs, but not as documented{told and f': it gives {result}'}. Do not build on "
                f"{name}{_instead(name)}."
            )
        case "no":
            return (
                f"No. {name} is registered, but a query does not evaluate it as a function: "
                f"{why_not(name)}. Do not put it into an expression{_instead(name)}."
            )
    return (
        f"That is not known. {name} is registered, and no call of it was seen to evaluate. Do not "
        f"build on it{_instead(name)}."
    )


def _instead(name: str) -> str:
    other = alternative(name)
    return f"; use {other}" if other else "; compute it in the client"


#: What a signature leaves open: whether a query may call the function.
_CALLED = {
    "works": "",
    "plugin": "",
    "differs": " A query can call it, and gets something else than is documented.",
    "no": " A query does not evaluate it as a function.",
    "unseen": " No call of it from a query was seen to evaluate.",
}


def families(registrations: Sequence[Registration]) -> tuple[Family, ...]:
    """Families over the registered names, with a checkout's descriptions where there is one."""
    signatures = apoc_signatures()
    described: Mapping[str, Registration] = {r.name: r for r in registrations}
    names = [n for n in signatures if not described or n in described]
    usable = [n for n in names if is_callable(n)]
    dead = [n for n in names if not is_callable(n)]

    def works(rng: random.Random) -> Draft:
        name = rng.choice(names)
        asked = either(
            rng,
            f"Can I call {name} from Cypher in NornicDB?",
            f"Does {name} work in a NornicDB query?",
            f"Is {name} usable in Cypher?",
            f"RETURN {name}(…): does NornicDB evaluate that?",
            f"{name} in NornicDB?",
            f"I found {name} among the registered functions. May I use it in a query?",
        )
        return prose(asked, verdict(name), f"apoc:{name}")

    def asks_for(rng: random.Random) -> Draft | None:
        name = rng.choice(dead)
        other = alternative(name)
        if not other:
            return None
        asked = either(
            rng,
            f"What do I use instead of {name} in NornicDB?",
            f"I cannot build a query on {name}. What works in its place?",
            f"Alternative to {name} on NornicDB?",
        )
        return prose(asked, f"Use {other}.", f"apoc:{name}")

    def signature(rng: random.Random) -> Draft:
        name = rng.choice(names)
        asked = either(
            rng,
            f"Which arguments does {name} take?",
            f"What is the signature of {name} in NornicDB?",
            f"signature of {name}",
        )
        told = _CALLED[call_of(name)]
        return prose(asked, f"In Go: {name}{signatures[name]}.{told}", f"apoc:{name}")

    def similar(rng: random.Random) -> Draft | None:
        name = rng.choice(dead)
        others = near(name, usable)
        if not others:
            return None
        asked = either(
            rng,
            f"Which functions may a query use instead of {name} under "
            f"apoc.{name.split('.')[1]} in NornicDB?",
            f"{name} is nothing to build on. Which of its category are?",
        )
        return prose(asked, f"{', '.join(others)}.", f"apoc:{name}")

    def described_as(rng: random.Random) -> Draft | None:
        found = rng.choice(registrations)
        if not found.description or found.name not in signatures:
            return None
        asked = either(
            rng,
            f"What does {found.name} do?",
            f"What is {found.name} documented to do?",
            f"purpose of {found.name}",
        )
        told = _CALLED[call_of(found.name)]
        return prose(
            asked,
            f"Its documentation says: {found.description.rstrip('.')}.{told}",
            f"apoc/apoc.go:{found.line}",
        )

    made = [
        Family("registered_works", CATEGORY, works, 2.0),
        Family("registered_alternative", CATEGORY, asks_for, 1.0),
        Family("registered_signature", CATEGORY, signature, 0.9),
        Family("registered_category", CATEGORY, similar, 0.5),
    ]
    if registrations:
        made.append(Family("registered_description", CATEGORY, described_as, 1.0))
    return tuple(made)
