"""Rows whose answer is text: a fact, its symptom or question with values, the answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from attrs import frozen

from heimdall_repo_nornicdb.facts import Fact, fill, slots_of
from heimdall_repo_nornicdb.rows.families import Draft, prose
from heimdall_repo_nornicdb.rows.plans import explain
from heimdall_repo_nornicdb.rows.slots import Slots

#: Slots that follow from another one.
_DERIVED = {
    "var": "label",
    "snake": "label",
    "opmeaning": "operator",
    "protoport": "protocol",
    "signature": "method",
    "pascal": "plugin",
    "apoccount": "apoccategory",
}
#: How a slot that the symptom lacks is told beside it.
_TOLD = {
    "label": "label",
    "key": "key property",
    "prop": "property",
    "num": "numeric property",
    "vec": "vector property",
    "prose": "text property",
    "rel": "relationship type",
}


@frozen
class Frame:
    """A way to ask: what stands in the prompt, the symptom being the row's input."""

    prompt: str


def told(symptom: str, answer: str) -> tuple[str, ...]:
    """Slots of the answer that the symptom lacks and that a line beside it tells."""
    known = slots_of(symptom)
    known |= {name for name, of in _DERIVED.items() if of in known}
    missing = {_DERIVED.get(name, name) for name in slots_of(answer) - known}
    return tuple(name for name in _TOLD if name in missing)


def untold(fact: Fact) -> frozenset[str]:
    """Slots of a fact's answer that no symptom shows and no line can tell: a mistake."""
    wanted = slots_of(fact.cause + fact.fix)
    missing: set[str] = set()
    for symptom in fact.symptoms:
        known = slots_of(symptom) | set(told(symptom, fact.cause + fact.fix))
        known |= {name for name, of in _DERIVED.items() if of in known}
        missing |= wanted - known
    return frozenset(missing)


def diagnosis(
    known: Sequence[Fact], frames: Callable[[Fact, random.Random], str]
) -> Callable[[random.Random], Draft | None]:
    """Draws rows of question, diagnosis and action from facts, every fact as often as another."""

    def draw(rng: random.Random) -> Draft | None:
        if not known:
            return None
        fact = rng.choice(known)
        slots = Slots(rng)
        symptom = rng.choice(fact.symptoms)
        answer = f"Diagnosis: {fact.cause}\nAction: {fact.fix}"
        shown = fill(symptom, slots)
        if shown.startswith("@plan "):
            query = shown.removeprefix("@plan ")
            shown = f"EXPLAIN {query}\n{explain(query)}"
        extra = ", ".join(f"{_TOLD[name]} {slots(name)}" for name in told(symptom, answer))
        if extra:
            shown = f"{shown}\n({extra})"
        return prose(
            frames(fact, rng),
            fill(answer, slots),
            fact.id,
            input=shown,
            about=shown,
            meta={"area": fact.area},
        )

    return draw


def answers(known: Sequence[Fact]) -> Callable[[random.Random], Draft | None]:
    """Draws rows of a question, as the fact words it, and the fact's answer."""

    def draw(rng: random.Random) -> Draft | None:
        if not known:
            return None
        fact = rng.choice(known)
        slots = Slots(rng)
        answer = f"{fact.cause} {fact.fix}".strip()
        asked = fill(rng.choice(fact.symptoms), slots)
        return prose(asked, fill(answer, slots), fact.id, meta={"area": fact.area})

    return draw
