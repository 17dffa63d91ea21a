"""Noun phrases over a chain: `films with genre 'Drama' that a studio in no city produced`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from heimdall_gen_cypher.plans.reading import Hop, Item, Reading, Spot
from heimdall_gen_cypher.plans.voice import Voice, article, article_of, listed, ordinal

Number = Literal["many", "each", "one", "bare"]
"""`films`, `each film`, `a film`, `film`."""


def phrase(reading: Reading, voice: Voice, number: Number, spot: int = 0) -> str:
    """A node of the chain with everything that is said of it: conditions, and what it is joined
    with further on."""
    each = reading.spots[spot]
    noun = voice.many(each.node) if number == "many" else voice.one(each.node)
    if number == "each":
        noun = f"{voice.pick(('each', 'every'))} {noun}"
    elif number == "one":
        noun = article(noun)
    text = noun + conditions(each, voice, many=number == "many")
    if spot < len(reading.hops):
        text += _clause(reading, voice, spot, many=number == "many")
    return text


def conditions(spot: Spot, voice: Voice, *, many: bool = False) -> str:
    """` with genre 'Drama' and year above 1990`; empty where there is no condition."""
    if not spot.predicates:
        return ""
    whose = voice.chance(0.45)
    said = [p.whose(voice) if whose else p.with_(voice) for p in spot.predicates]
    lead = "whose" if whose else "with"
    if spot.glue == "mixed":
        rest = "".join(f" and {lead} {each}" for each in said[2:])
        return f" {lead} either {said[0]} or {said[1]}{',' if rest else ''}{rest}"
    if spot.glue == "or":
        either = "either " if len(said) == 2 else ""
        return f" {lead} {either}{f' or {lead} '.join(said) if whose else ' or '.join(said)}"
    if whose:
        return f" whose {' and whose '.join(said)}"
    return f" with {' and with '.join(said) if len(said) > 2 else ' and '.join(said)}"


def verbal(reading: Reading, voice: Voice, place: int) -> bool:
    """Whether a hop can be told by its verb: `that a studio produced` only at the chain's end."""
    hop = reading.hops[place]
    if hop.undirected or hop.predicate is not None:
        return False
    if any(voice.verb(each) is None for each in hop.types):
        return False
    return hop.forward or (place == len(reading.hops) - 1 and len(hop.types) == 1)


def _clause(reading: Reading, voice: Voice, place: int, *, many: bool) -> str:
    hop = reading.hops[place]
    if not verbal(reading, voice, place):
        return _technical(reading, voice, place, many=many)
    pairs = [voice.verb(each) or ("", "") for each in hop.types]
    if hop.forward:
        verb = listed([pair[many] for pair in pairs], "or")
        return f" that {verb} {_target(reading, voice, place)}"
    subject = _target(reading, voice, place)
    return f" that {subject} {pairs[0][hop.quantifier == 'more' and hop.number > 1]}"


def _target(reading: Reading, voice: Voice, place: int) -> str:
    """The next node, as its hop asks for it."""
    hop = reading.hops[place]
    match hop.quantifier:
        case "some":
            return f"at least one {phrase(reading, voice, 'bare', place + 1)}"
        case "no":
            return f"no {phrase(reading, voice, 'bare', place + 1)}"
        case "more" if hop.number == 1:
            return f"more than one {phrase(reading, voice, 'bare', place + 1)}"
        case "more":
            return f"more than {hop.number} {phrase(reading, voice, 'many', place + 1)}"
        case _:
            return phrase(reading, voice, "one", place + 1)


def _technical(reading: Reading, voice: Voice, place: int, *, many: bool) -> str:
    hop = reading.hops[place]
    types = types_of(hop)
    have = "have" if many else "has"
    kind = f"{types} relationship"
    if not hop.forward and not hop.undirected:
        kind = f"incoming {kind}"
    way = "with" if hop.undirected else "to" if hop.forward else "from"
    either = ", in either direction," if hop.undirected else ""
    told = f" ({hop.predicate.whose(voice)})" if hop.predicate is not None else ""
    end = phrase(reading, voice, "one", place + 1)
    match hop.quantifier:
        case "some":
            return f" that {have} at least one {kind}{told}{either} {way} {end}"
        case "no":
            return f" that {have} no {kind}{told}{either} {way} {end}"
        case "more":
            ends = phrase(reading, voice, "many", place + 1)
            if hop.number == 1:
                return f" that {have} more than one {kind}{told}{either} {way} {ends}"
            return f" that {have} more than {hop.number} {kind}s{told}{either} {way} {ends}"
    lead = voice.pick((f"that {have}", f"that {have}", "having"))
    return f" {lead} {article_of(kind)} {kind}{told}{either} {way} {end}"


def types_of(hop: Hop) -> str:
    """`ACTED_IN`, `ACTED_IN or DIRECTED`."""
    return listed([each.type for each in hop.types], "or")


def name_of(reading: Reading, voice: Voice, spot: int) -> str:
    """A node of the chain where it is spoken of again: `film`, `second actor`."""
    node = reading.spots[spot].node
    noun = voice.short(node)
    if not reading.twice(spot):
        return noun
    earlier = sum(each.node is node for each in reading.spots[:spot])
    return f"{ordinal(earlier)} {noun}"


def told(reading: Reading, voice: Voice, items: Sequence[Item], *, alone: bool) -> str:
    """Columns: `the title and year` of the one node that is spoken of, else `the film's title and
    the studio's name`."""
    if alone:
        names = [voice.column(item.of) for item in items if item.of is not None]
        return f"the {listed(names)}"
    form = voice.pick(("the {n}'s {p}", "the {p} of the {n}", "{n} {p}", "the {n}'s {p}"))
    parts = [said(reading, voice, item, form) for item in items]
    return listed(parts)


def said(reading: Reading, voice: Voice, item: Item, form: str = "the {n}'s {p}") -> str:
    """One column."""
    if item.hop:
        hop = reading.hops[item.spot]
        assert item.of is not None  # noqa: S101 - relationships are never returned whole
        return f"the {voice.column(item.of)} of the {types_of(hop)} relationship"
    noun = name_of(reading, voice, item.spot)
    if item.of is None:
        return f"the {noun} node" if not noun.endswith("node") else f"the {noun}"
    return form.format(n=noun, p=voice.column(item.of)).replace("s's ", "s' ")


def counted(reading: Reading, voice: Voice, spot: int) -> str:
    """The many of a node, where a count asks for them."""
    node = reading.spots[spot].node
    noun = voice.many(node)
    if not reading.twice(spot):
        return noun
    earlier = sum(each.node is node for each in reading.spots[:spot])
    return f"{ordinal(earlier)} {noun}"


def which(reading: Reading, voice: Voice) -> str | None:
    """`Which films have a year above 1990`, `Which actors acted in a film`; None where the chain
    begins with a clause that has a subject of its own."""
    first = reading.spots[0]
    noun = voice.many(first.node)
    if not reading.hops:
        if not first.predicates or first.glue == "mixed":
            return None
        said_ = [p.with_(voice) for p in first.predicates]
        either = "either " if first.glue == "or" and len(said_) == 2 else ""
        return f"Which {noun} have {either}{listed(said_, first.glue)}"
    if verbal(reading, voice, 0) and not reading.hops[0].forward:
        return None
    clause = _clause(reading, voice, 0, many=True).removeprefix(" that ").removeprefix(" having ")
    if clause[0] in "an" and clause.split()[0] in ("a", "an"):
        clause = f"have {clause}"
    about = conditions(first, voice, many=True)
    return f"Which {noun}{about}{',' if about.startswith(' whose') else ''} {clause}"
