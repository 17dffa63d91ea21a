"""Errors that a user can act on: what happened, where, what exists instead, what to do."""

from __future__ import annotations

from collections.abc import Iterable


class HeimdallError(Exception):
    """Something the user can mend. `str()` is one line, ready to print.

    `where` is a path into a recipe, a file with line, or a plugin with its distribution;
    `hint` says what to do instead. The command line prints it without a traceback.
    """

    exit_code = 2

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.message, self.where, self.hint = message, where, hint
        super().__init__(message)

    def __str__(self) -> str:
        line = f"{self.where}: {self.message}" if self.where else self.message
        return f"{line}; {self.hint}" if self.hint else line


class RecipeError(HeimdallError):
    """A recipe, or an override on the command line, that cannot be understood."""


class DatasetError(HeimdallError):
    """A dataset file or row that cannot be read or written."""


class PluginError(HeimdallError):
    """A plugin that is missing, broken, or returned something else than its hook promises."""


class PromptError(HeimdallError):
    """A conversation that cannot be rendered without breaking the prompt contract."""


class ModelError(HeimdallError):
    """A model directory, adapter or GGUF that cannot be loaded, trained or exported."""


class WorkerLost(ModelError):
    """Another process of the same work has ended, or cannot be reached any more: worth another try,
    with all of them."""


class StageError(HeimdallError):
    """A pipeline stage that could not produce its output."""


class TeacherFailure(HeimdallError):
    """A request to a teacher that brought no answer.

    `kind` says what to do: `busy` (slow down), `server`, `timeout`, `connection` and `broken` (an
    answer that cannot be read) are worth another try; `request` is not. Neither is `denied`, and
    where that happens again and again no request will be answered, which `fatal` says at once (no
    key, no such model).
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry_after: float | None = None,
        billed: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, where="teacher", hint=hint)
        self.kind = kind
        self.retry_after = retry_after
        self.billed = billed
        """Whether it may have been paid for all the same."""


class FindingsError(HeimdallError):
    """The work was done and its result is not good enough (a threshold or a gate was missed)."""

    exit_code = 1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known one, if any is near, and the list of all.

    >>> did_you_mean("cypre", ["cypher", "apoc"])
    "did you mean 'cypher'? Available: apoc, cypher"
    """
    import difflib  # only an error needs it, and `heimdall --help` imports this module

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listing = f"Available: {', '.join(names) if names else 'none'}"
    return f"did you mean '{near[0]}'? {listing}" if near else listing


def missing_extra(package: str, extra: str, what: str) -> HeimdallError:
    """The error for an optional dependency that is not installed."""
    return HeimdallError(
        f"{what} needs the package '{package}', which is not installed",
        hint=f"install it with: pip install 'heimdall-slm[{extra}]'",
    )
