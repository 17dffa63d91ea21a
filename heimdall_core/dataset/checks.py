"""What is checked of one answer: that it is one, and what its language says about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from attrs import define, field

from heimdall_core.errors import DatasetError, HeimdallError, did_you_mean
from heimdall_core.types import CheckRequest, Example, Finding, Json, Language

LanguageLookup = Callable[[str], Language | None]

#: Answers whose findings are kept, at most: some 20 MB.
_KNOWN = 30_000

_PLACEHOLDER = re.compile(
    r"""(?:TODO|FIXME|TBD)\b
      | (?i:
          lorem\ ipsum
        | (?:your|insert|add|put|write)(?:\ \w+)?\ (?:answer|query|code|text|response)\ here$
        | (?:todo|to\ do|tbd|to\ be\ done|to\ be\ determined|tba|fixme|xxx|placeholder)$
        | (?:n/a|nan|not\ available|no\ answer|answer|query)$
        )""",
    re.VERBOSE,
)


def no_language(name: str) -> Language | None:
    """The lookup where no language plugin is at hand: rows stay unchecked, and are counted."""
    return None


def is_placeholder(answer: str) -> bool:
    """Whether an answer stands for one that somebody meant to write: `TODO`, `...`, `<answer>`."""
    bare = answer.strip(" \t\r\n.…-_?!#")
    if not bare:
        return True
    bare = bare.strip("<>[](){}/*\"'` \t\r\n.…")
    return _PLACEHOLDER.match(bare) is not None


@define
class AnswerChecker:
    """Runs each row's answer through the language that the row names."""

    lookup: LanguageLookup
    schemas: Mapping[str, Json]
    """Graph schemas by the name that rows use."""
    default: str = ""
    """Language of the rows that name none."""
    dialect: str = ""
    """Dialect to check against; empty for the language's default."""
    performance: bool = True
    """Whether performance findings are wanted."""
    missing: Counter[str] = field(factory=Counter)
    """Languages that rows name and that the lookup does not have: how many rows each."""
    without_schema: int = 0
    """Rows that name a schema which is not among `schemas`; they are checked without one."""
    _languages: dict[str, Language | None] = field(factory=dict, init=False)
    _requests: dict[str, CheckRequest] = field(factory=dict, init=False)
    _known: dict[tuple[str, str, str], Sequence[Finding]] = field(factory=dict, init=False)

    _forms: dict[tuple[str, str], str] = field(factory=dict, init=False)

    def reset_counts(self) -> None:
        """Begins to count anew."""
        self.missing, self.without_schema = Counter(), 0

    def check(self, row: Example, where: str) -> tuple[str, Sequence[Finding]] | None:
        """The language's name and what it found, or None where there is nothing to check with.

        `where` is file and line. Raises `DatasetError` for an unknown dialect, and where the
        language itself fails.
        """
        name = row.language or self.default
        if not name:
            return None
        language = self._language(name)
        if language is None:
            self.missing[name] += 1
            return None
        if row.schema and row.schema not in self.schemas:
            self.without_schema += 1
        # The same question to the same plugin: paraphrases share their answer.
        key = (name, row.schema, row.output)
        found = self._known.get(key)
        if found is None:
            try:
                found = language.check(row.output, self._request(row.schema))
            except HeimdallError as error:
                raise DatasetError(f"checking the answer failed: {error}", where=where) from error
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = found
        return name, found

    def is_query(self, row: Example) -> bool:
        """Whether the row's answer is in a language that is at hand."""
        return self.language_of(row) is not None

    def language_of(self, row: Example) -> Language | None:
        """The language of the row's answer, where it is at hand."""
        name = row.language or self.default
        return self._language(name) if name else None

    def canonical(self, row: Example) -> str:
        """The answer in its language's canonical form; the answer itself without white space
        around it where it has none: prose, or a query that does not parse."""
        language = self.language_of(row)
        if language is None:
            return row.output.strip()
        form = self._forms.get((language.name, row.output))
        if form is None:
            try:
                form = language.normalise(row.output).canonical
            except HeimdallError:
                form = row.output.strip()
            if len(self._forms) >= _KNOWN:
                self._forms.clear()
            self._forms[language.name, row.output] = form
        return form

    def _language(self, name: str) -> Language | None:
        if name not in self._languages:
            language = self.lookup(name)
            if language and self.dialect and self.dialect not in language.dialects:
                raise DatasetError(
                    f"the language '{name}' has no dialect '{self.dialect}'",
                    hint=did_you_mean(self.dialect, language.dialects),
                )
            self._languages[name] = language
        return self._languages[name]

    def _request(self, schema: str) -> CheckRequest:
        if schema not in self._requests:
            self._requests[schema] = CheckRequest(
                dialect=self.dialect,
                schema=self.schemas.get(schema),
                performance=self.performance,
            )
        return self._requests[schema]


def is_invalid(findings: Sequence[Finding]) -> bool:
    """Whether a query with these findings is wrong: warnings and notes alone do not make it so."""
    return any(finding.severity == "error" for finding in findings)
