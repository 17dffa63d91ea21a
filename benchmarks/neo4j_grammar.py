"""A Python parser generated from Neo4j's own ANTLR grammar, as a yardstick.

    python benchmarks/neo4j_grammar.py FOLDER

Installs `@neo4j-cypher/language-support` and `antlr-ng` with npm into FOLDER and generates
`FOLDER/python/CypherCmdParser.py`; a folder that has it already is left as it is. Nothing of it
belongs to the project: keep FOLDER outside of the repository. Needs Node 20 and, to run what is
generated, `pip install antlr4-python3-runtime==4.13.2`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("@neo4j-cypher/language-support@2.0.0-next.38", "antlr-ng@1.0.10")
#: What the generator's Python target does not understand: actions written for JavaScript.
EDITS = {
    "CypherCmdLexer.g4": (
        (
            "{ if (this.modeStack.length > 0) this.popMode(); }",
            "{ if self._modeStack: self.popMode() }",
        ),
    ),
    "Cypher25Parser.g4": (("[String paramType]", "[paramType]"),),
}


def npm_install(folder: Path) -> Path:
    """The `node_modules` with both packages in `folder`."""
    modules = folder / "node_modules"
    if not (modules / "@neo4j-cypher").is_dir() or not (modules / "antlr-ng").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("needs npm (Node 20)")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--prefix", str(folder), *PACKAGES],
            check=True,
        )
    return modules


def generate(folder: Path) -> Path:
    """The folder with the generated modules."""
    output = folder / "python"
    if (output / "CypherCmdParser.py").is_file():
        return output
    modules = npm_install(folder)
    source = modules / "@neo4j-cypher" / "language-support" / "src" / "antlr-grammar"
    grammar = folder / "grammar"
    grammar.mkdir(exist_ok=True)
    for path in source.glob("*.g4"):
        text = path.read_text(encoding="utf-8")
        for before, after in EDITS.get(path.name, ()):
            text = text.replace(before, after)
        (grammar / path.name).write_text(text, encoding="utf-8")
    command = modules / ".bin" / "antlr-ng"
    for name in ("CypherCmdLexer.g4", "CypherCmdParser.g4"):
        subprocess.run(
            [
                *(str(command), "-Dlanguage=Python3", "--lib", str(grammar)),
                *("-o", str(output), "--exact-output-dir", "--", str(grammar / name)),
            ],
            check=True,
        )
    return output


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(generate(Path(sys.argv[1])))
