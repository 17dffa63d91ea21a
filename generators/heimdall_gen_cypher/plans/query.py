"""A `Reading` as Cypher, in the one style that all answers have: one line, equality in the
pattern, other conditions in WHERE, a variable only where it is used."""

from __future__ import annotations

from collections.abc import Sequence

from heimdall_gen_cypher.plans.predicates import Predicate
from heimdall_gen_cypher.plans.reading import Hop, Item, Reading, Sort, Spot, variables


def query(reading: Reading) -> str:
    """The query of a plan."""
    return _Writer(reading).write()


def match_of(reading: Reading) -> tuple[str, dict[int, str], dict[int, str]]:
    """`MATCH … WHERE …` of a plan, with the variables of its nodes and of its hops."""
    writer = _Writer(reading)
    return writer.matching(), writer.names, writer.hop_names


class _Writer:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.joined = reading.joined
        self.more = next((h for h in reading.hops if h.quantifier == "more"), None)
        self.names = variables(reading, sorted(self._needed()))
        self.hop_names = self._hop_names()

    def write(self) -> str:
        reading = self.reading
        parts: list[str] = [reading.prefix] if reading.prefix else []
        parts.append(self.matching())
        total = reading.total or "total"
        if self.more is not None:
            parts.append(
                f"WITH {self.names[0]}, count({self.names[1]}) AS {total} "
                f"WHERE {total} > {self.more.number}"
            )
        columns = [self._item(item) for item in reading.columns]
        if reading.total:
            columns.append(total)
        for measure in reading.measures:
            inner = self._item(measure.item)
            distinct = "DISTINCT " if measure.distinct else ""
            alias = f" AS {measure.alias}" if measure.alias else ""
            columns.append(f"{measure.function}({distinct}{inner}){alias}")
        parts.append(f"RETURN {'DISTINCT ' if reading.distinct else ''}{', '.join(columns)}")
        if reading.sorts:
            parts.append(f"ORDER BY {', '.join(map(self._sort, reading.sorts))}")
        if reading.skip:
            parts.append(f"SKIP {reading.skip}")
        if reading.limit:
            parts.append(f"LIMIT {reading.limit}")
        return " ".join(parts)

    def matching(self) -> str:
        """MATCH with its WHERE."""
        text = f"MATCH {self._chain(0, self.joined)}"
        conditions = self._conditions(range(self.joined))
        if self.joined < len(self.reading.spots):
            conditions.append(self._test())
        return f"{text} WHERE {' AND '.join(conditions)}" if conditions else text

    def _needed(self) -> set[int]:
        """Nodes that something but the pattern refers to."""
        reading = self.reading
        items = [*reading.columns, *(m.item for m in reading.measures)]
        items += [sort.item for sort in reading.sorts if sort.item is not None]
        needed = {item.spot for item in items if not item.hop}
        needed |= {i for i, spot in enumerate(reading.spots) if self._where_of(spot)}
        if self.joined < len(reading.spots):
            needed.add(self.joined - 1)
        if self.more is not None:
            needed |= {0, 1}
        return needed

    def _hop_names(self) -> dict[int, str]:
        reading = self.reading
        items = [*reading.columns, *(m.item for m in reading.measures)]
        items += [sort.item for sort in reading.sorts if sort.item is not None]
        used = {item.spot for item in items if item.hop}
        for place, hop in enumerate(reading.hops):
            if hop.predicate is not None and not hop.predicate.plain:
                used.add(place)
        return {place: f"rel{i or ''}" for i, place in enumerate(sorted(used))}

    def _chain(self, start: int, end: int, *, bare: bool = False) -> str:
        """The pattern from node `start`, which may be bound already, to the one before `end`."""
        text = self._node(start, bare=bare)
        for place in range(start, end - 1):
            text += self._arrow(place, self.reading.hops[place]) + self._node(place + 1)
        return text

    def _node(self, place: int, *, bare: bool = False) -> str:
        name = self.names.get(place, "")
        if bare:  # it is bound already
            return f"({name})"
        spot = self.reading.spots[place]
        entries = ", ".join(p.entry() for p in spot.predicates if self._in_map(spot, p))
        return f"({name}:{spot.node.label}{f' {{{entries}}}' if entries else ''})"

    def _arrow(self, place: int, hop: Hop) -> str:
        name = self.hop_names.get(place, "")
        types = "|".join(each.type for each in hop.types)
        plain = hop.predicate is not None and hop.predicate.plain
        entry = f" {{{hop.predicate.entry()}}}" if plain and hop.predicate else ""
        inside = f"[{name}:{types}{entry}]"
        if hop.undirected:
            return f"-{inside}-"
        return f"-{inside}->" if hop.forward else f"<-{inside}-"

    @staticmethod
    def _in_map(spot: Spot, predicate: Predicate) -> bool:
        return spot.glue == "and" and predicate.plain

    def _where_of(self, spot: Spot) -> list[Predicate]:
        return [p for p in spot.predicates if not self._in_map(spot, p)]

    def _conditions(self, places: Sequence[int]) -> list[str]:
        """Conditions in the order in which they are asked for."""
        found: list[str] = []
        for place in places:
            spot = self.reading.spots[place]
            if place and place - 1 < self.joined - 1:
                found += self._hop_condition(place - 1)
            name = self.names.get(place, "")
            if spot.glue == "and":
                found += [p.code(name) for p in self._where_of(spot)]
            elif spot.glue == "or":
                found.append(self._either(spot.predicates, name))
            else:
                found.append(self._either(spot.predicates[:2], name))
                found += [p.code(name) for p in spot.predicates[2:]]
        if len(found) == 1:
            # Alone, an OR needs no brackets.
            either = any(s.glue == "or" for s in self.reading.spots[: self.joined])
            whole = self.joined == len(self.reading.spots)
            if either and whole and found[0].startswith("("):
                found[0] = found[0][1:-1]
        return found

    @staticmethod
    def _either(predicates: Sequence[Predicate], name: str) -> str:
        return f"({' OR '.join(p.code(name, grouped=True) for p in predicates)})"

    def _hop_condition(self, place: int) -> list[str]:
        predicate = self.reading.hops[place].predicate
        if predicate is None or predicate.plain:
            return []
        return [predicate.code(self.hop_names[place])]

    def _test(self) -> str:
        """EXISTS over what is only tested."""
        start = self.joined - 1
        inner = f"MATCH {self._chain(start, len(self.reading.spots), bare=True)}"
        conditions = []
        for place in range(self.joined, len(self.reading.spots)):
            conditions += self._hop_condition(place - 1)
            name = self.names.get(place, "")
            conditions += [p.code(name) for p in self._where_of(self.reading.spots[place])]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        word = "NOT EXISTS" if self.reading.hops[start].quantifier == "no" else "EXISTS"
        return f"{word} {{ {inner}{where} }}"

    def _item(self, item: Item) -> str:
        name = self.hop_names[item.spot] if item.hop else self.names[item.spot]
        return name if item.of is None else f"{name}.{item.of.name}"

    def _sort(self, sort: Sort) -> str:
        if sort.item is not None:
            text = self._item(sort.item)
        elif self.reading.measures:
            measure = self.reading.measures[sort.measure]
            distinct = "DISTINCT " if measure.distinct else ""
            text = measure.alias or f"{measure.function}({distinct}{self._item(measure.item)})"
        else:
            text = self.reading.total or "total"
        return f"{text} DESC" if sort.descending else text
