"""Keys and passwords: refused where they would be written down, sent to nobody else, taken out of
what is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from heimdall_core import HeimdallError
from heimdall_core.structure import structure
from heimdall_core.teaching import scrubbed, status_failure
from heimdall_gen_distill.cli import _options
from heimdall_gen_distill.options import DistillOptions
from heimdall_teach_anthropic.options import AnthropicOptions
from heimdall_teach_openai.options import OpenAIOptions

KEY = "sk-test-0123456789-abcdefghijklmnop"
HIDDEN = "hunter2hunter2"


@pytest.mark.parametrize(
    "table",
    [
        {"base_url": f"http://me:{HIDDEN}@localhost:8000/v1"},
        {"base_url": f"https://host/v1?api_key={HIDDEN}"},
        {"base_url": f"host/{HIDDEN}"},
        {"key_variable": f"sk-{HIDDEN}"},
        {"api_key": HIDDEN},
    ],
)
def test_no_setting_holds_a_secret_and_no_error_repeats_it(table: dict[str, Any]) -> None:
    for kind in (OpenAIOptions, AnthropicOptions):
        with pytest.raises(HeimdallError) as caught:
            structure(table, kind, "teacher_options")
        assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize("name", ["teacher_options", "judge_options"])
def test_a_recipe_with_a_secret_is_refused_before_it_is_copied(name: str) -> None:
    for table in (
        {"base_url": f"http://me:{HIDDEN}@localhost/v1"},
        {"base_url": f"http://localhost/v1?key={HIDDEN}"},
        {"api_key": HIDDEN},
    ):
        with pytest.raises(HeimdallError) as caught:
            structure({name: table}, DistillOptions, "generate.mix.distill")
        assert HIDDEN not in str(caught.value)
        assert name in str(caught.value)
    assert structure({name: {"max_tokens_field": "max_tokens"}}, DistillOptions, "x")


def test_the_key_is_taken_out_before_the_text_is_cut() -> None:
    for before in range(150, 200):
        body = json.dumps({"error": {"message": "x" * before + KEY}})
        text = str(status_failure(400, {}, body, KEY))
        assert KEY[:6] not in text
        assert KEY[-6:] not in text
        assert KEY[len(KEY) // 2 :][:6] not in text


def test_a_key_is_found_as_json_writes_it() -> None:
    key = 'sk-"quoted"\\and-back-slashed'
    assert "quoted" not in scrubbed(json.dumps({"echo": key}), key)


@pytest.mark.parametrize("key", ["sk-0123\n456789", "sk-é0123456789", "sk 0123456789"])
def test_a_key_that_cannot_be_sent_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    pytest.importorskip("openai")
    from heimdall_teach_openai.session import open_session

    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(HeimdallError, match="OPENAI_API_KEY holds a character") as caught:
        open_session(OpenAIOptions())
    assert "0123" not in str(caught.value)


def given(**named: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"settings": (), "teacher_settings": (), "judge_settings": ()}
    usual |= dict.fromkeys(("model", "base_url", "judge", "judge_url"))
    return {**usual, "plain": False, "teacher": "openai", **named}


def test_the_judge_of_another_maker_is_not_sent_to_the_teachers_server() -> None:
    here, there = "http://localhost:8000/v1", "http://localhost:9000"
    options = _options("answer", given(base_url=here, judge="anthropic:claude-haiku-4-5"))
    assert options.teacher_options == {"base_url": here}
    assert options.judge_options == {"model": "claude-haiku-4-5"}
    same = _options("answer", given(base_url=here, judge="openai:gpt-4.1"))
    assert same.judge_options == {"model": "gpt-4.1", "base_url": here}
    own = given(base_url=here, judge="anthropic:m", judge_url=there, judge_settings=("timeout=5",))
    assert _options("answer", own).judge_options == {"model": "m", "base_url": there, "timeout": 5}
    with pytest.raises(HeimdallError, match="no judge is named"):
        _options("answer", given(judge_url=there))


def test_the_command_line_refuses_a_password_in_an_address() -> None:
    from heimdall_gen_distill.cli import distill

    arguments = [
        "--prompts",
        "p.txt",
        "--output",
        "o.jsonl",
        "--base-url",
        f"http://u:{HIDDEN}@h/v1",
    ]
    done = CliRunner().invoke(distill, arguments)
    assert isinstance(done.exception, HeimdallError)
    assert HIDDEN not in done.output + str(done.exception)
