"""The Modelfile's template renders the prompt's bytes; its file, stops and context are right."""

from __future__ import annotations

import re

import pytest

from heimdall_core.errors import ModelError
from heimdall_core.prompt import STOP, Message, render_prompt
from heimdall_core.types import ExportContext, VerifyContext
from heimdall_export_ollama.export import export
from heimdall_export_ollama.load import verify
from heimdall_export_ollama.modelfile import TEMPLATE, modelfile
from heimdall_export_ollama.options import OllamaOptions, kinds

CONVERSATIONS = (
    (Message("user", "Find all people."),),
    (Message("system", "Answer with Cypher."), Message("user", "Zoë's {{ friends }}?")),
    (Message("user", "one"), Message("assistant", "two"), Message("user", "three\nlines")),
)


def go(template: str, messages: tuple[Message, ...]) -> str:
    """Go's text/template as far as the template uses it: range, end, fields, and nothing else."""
    found = re.fullmatch(r"(?s)(.*)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}(.*)", template)
    assert found
    before, inner, after = found.groups()
    assert set(re.findall(r"\{\{.*?\}\}", inner)) == {"{{ .Role }}", "{{ .Content }}"}
    assert "{{" not in before + after
    parts = re.split(r"\{\{ \.(Role|Content) \}\}", inner)
    turns = []
    for message in messages:
        fields = {"Role": message.role, "Content": message.content}
        turns.append("".join(fields[p] if n % 2 else p for n, p in enumerate(parts)))
    return before + "".join(turns) + after


@pytest.mark.parametrize("messages", CONVERSATIONS)
def test_the_template_is_the_prompt(messages):
    assert go(TEMPLATE, messages) == render_prompt(messages)


def test_file_template_stops_and_context_go_together(taught_model, tmp_path):
    out = tmp_path / "out"
    options = OllamaOptions(quant_type="q8_0", system="Answer with Cypher.")
    found = export(ExportContext(taught_model, out, {"licence": "MIT"}), options)
    assert tuple(a.kind for a in found) == kinds(options) == ("ollama:Q8_0", "ollama:Modelfile")
    text = (out / "Modelfile").read_text("utf-8")
    named = re.match(r"FROM \./(\S+)\n", text)
    assert named
    assert (out / named[1]).read_bytes()[:4] == b"GGUF"
    assert f'TEMPLATE """{TEMPLATE}"""\n' in text
    assert re.findall(r'PARAMETER stop "(.*)"', text) == list(STOP)
    assert "PARAMETER num_ctx 256\n" in text
    assert 'LICENSE """MIT"""' in text
    assert 'SYSTEM """Answer with Cypher."""' in text
    context = VerifyContext(taught_model, out / "Modelfile", ())
    assert all(check.passed for check in verify(context))
    (out / "Modelfile").write_text(text.replace("assistant", "robot"), "utf-8")
    assert [check.name for check in verify(context) if not check.passed] == ["prompt"]
    (out / named[1]).unlink()
    assert "file" in [check.name for check in verify(context) if not check.passed]


def test_what_cannot_be_is_refused_and_leaves_nothing(taught_model, tmp_path):
    with pytest.raises(ModelError, match="num_ctx is 512; the model was made for 256"):
        export(ExportContext(taught_model, tmp_path / "out"), OllamaOptions(num_ctx=512))
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(ModelError, match="must be a folder"):
        export(ExportContext(taught_model, tmp_path / "x.gguf"), OllamaOptions())
    with pytest.raises(ModelError, match="three quotes"):
        modelfile("x", num_ctx=1, num_predict=1, temperature=0, system='"""')
