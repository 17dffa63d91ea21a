"""What a run came to so far."""

from __future__ import annotations

import re
from collections import Counter

from attrs import Factory, define

from heimdall_gen_distill.outcomes import Outcome

_MOST_CATEGORIES = 1000
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def _kind_of(reason: str) -> str:
    """A reason without what differs from answer to answer."""
    return _QUOTED.sub("…", reason.split(":")[0].split(" at line")[0])[:60]


@define
class Progress:
    """What a run came to so far."""

    prompts: int = 0
    statuses: Counter[str] = Factory(Counter)
    reasons: Counter[str] = Factory(Counter)
    """Of what was not accepted, without what differs from answer to answer."""
    by_category: dict[str, Counter[str]] = Factory(dict)
    """Statuses by prompt and category: `answer@1`, `answer@1 · basics`."""

    def add(self, outcome: Outcome, label: str) -> None:
        self.prompts += 1
        self.statuses[outcome.status] += 1
        if outcome.status != "accepted":
            self.reasons[_kind_of(outcome.reason)] += 1
        category = outcome.item.category
        for name in (label, f"{label} · {category}" if category else ""):
            if name:
                if len(self.by_category) >= _MOST_CATEGORIES and name not in self.by_category:
                    name = f"{label} · (others)"
                self.by_category.setdefault(name, Counter())[outcome.status] += 1

    def rates(self) -> dict[str, float]:
        """Accepted share by prompt and category, of what was asked."""
        asked = {n: c.total() - c["not asked"] for n, c in sorted(self.by_category.items())}
        return {n: self.by_category[n]["accepted"] / count for n, count in asked.items() if count}
