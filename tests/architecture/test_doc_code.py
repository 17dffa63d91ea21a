"""Documentation that runs: hook pages hold to the hooks, Python blocks do what they say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from heimdall_core import hookspecs

ROOT = Path(__file__).parents[2]
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("heimdall_"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = sorted(
    page
    for page in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", *ROOT.glob("examples/*/README.md")]
    if BLOCK.search(page.read_text(encoding="utf-8"))
)


def blocks(page: Path) -> Iterator[tuple[int, str]]:
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        yield text.count("\n", 0, block.start(1)) + 1, block[1]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_that_states_its_signature(hook: str) -> None:
    page = ROOT / "docs/hooks" / f"{hook}.md"
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {hook}\n")
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    stated = re.search(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert stated is not None
    assert stated[1] == f"{hook}{signature}"
    assert BLOCK.search(text), "the page shows no example"
    assert f"{hook}.md" in (ROOT / "docs/hooks/index.md").read_text(encoding="utf-8")


def test_no_page_is_about_a_hook_that_is_gone() -> None:
    pages = {p.stem for p in (ROOT / "docs/hooks").glob("heimdall_*.md")}
    assert pages == set(HOOKS)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_code_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of a page, one after the other in one namespace, in an empty folder. A block that
    needs long, or a model, says so in a first line `# needs: …` and is only compiled."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "documentation"}
    for line, code in blocks(page):
        # Line numbers of the page, so that a failure points into it.
        compiled = compile("\n" * (line - 1) + code, str(page), "exec")
        if not code.startswith("# needs: "):
            exec(compiled, namespace)  # noqa: S102 - our own documentation
