"""Loading: what is refused and how, that nothing is printed, and that nothing stays behind."""

from __future__ import annotations

import ctypes
import random
import struct
import subprocess
import sys

import llama_cpp.llama_cpp as library
import pytest

from heimdall_core.errors import ModelError
from heimdall_core.types import LoadedModel
from heimdall_run_llamacpp.gguf_file import check_language_model, read_gguf
from heimdall_run_llamacpp.load import load
from heimdall_run_llamacpp.options import LlamaCppOptions, handles


def refusal(path, options=None) -> str:
    with pytest.raises(ModelError) as caught:
        load(path, options)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_is_a_loaded_model(model, taught_gguf):
    assert isinstance(model, LoadedModel)
    assert model.name == "taught"
    assert model.context_size == 256
    assert handles(taught_gguf)


def test_refuses_what_is_not_there_or_no_gguf(tmp_path):
    note = tmp_path / "note.gguf"
    note.write_text("not a model", "utf-8")
    empty = tmp_path / "empty.gguf"
    empty.touch()
    assert "no such file" in refusal(tmp_path / "missing.gguf")
    assert "is not a file" in refusal(tmp_path)
    assert "not a GGUF file" in refusal(note)
    assert "cut short" in refusal(empty)
    assert not handles(note)


@pytest.mark.parametrize("share", [0.0001, 0.002, 0.005, 0.02, 0.1, 0.5, 0.9, 0.999])
def test_refuses_a_file_that_is_cut_short(taught_gguf, tmp_path, share):
    whole = taught_gguf.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: int(len(whole) * share)])
    refusal(cut)


def test_says_which_tensor_is_missing_its_end(taught_gguf, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(taught_gguf.read_bytes()[:-64])
    assert "blk.1.ffn_down.weight" in refusal(cut)


def test_refuses_an_unknown_architecture(taught_gguf, tmp_path):
    whole = taught_gguf.read_bytes()
    other = tmp_path / "other.gguf"
    other.write_bytes(whole.replace(b"qwen2", b"qwenX"))
    assert "qwenX" in refusal(other)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (struct.pack("<Q", 1) + b"A", struct.pack("<Q", 1) + b"B", "token twice"),
        (b"<|im_start|>", b"<\0im_start|>", "token twice"),  # a C string: the same as "<"
        (
            b"qwen2.block_count" + struct.pack("<II", 4, 2),
            b"qwen2.block_count" + struct.pack("<II", 4, 4098),
            "4098 layers",
        ),
        (
            b"rms_epsilon" + struct.pack("<If", 6, 1e-6),
            b"rms_epsilon" + struct.pack("<If", 6, float("nan")),
            "rms_epsilon: nan",
        ),
        (
            b"head_count_kv" + struct.pack("<II", 4, 2),
            b"head_count_kv" + struct.pack("<II", 4, 3),
            "3 groups",
        ),
    ],
)
def test_refuses_what_llama_cpp_would_abort_on(taught_gguf, tmp_path, old, new, message):
    whole = taught_gguf.read_bytes()
    assert old in whole
    path = tmp_path / "bad.gguf"
    path.write_bytes(whole.replace(old, new, 1))
    assert message in refusal(path)


def test_broken_files_are_refused_and_never_crash_the_process(taught_gguf, tmp_path):
    """120 files with flipped bytes, most of them in the header, loaded by another process."""
    whole = taught_gguf.read_bytes()
    start = read_gguf(taught_gguf).data_start
    rng = random.Random(5)
    for number in range(120):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(rng.choice((1500, start, start, len(data))))] = rng.randrange(256)
        (tmp_path / f"{number}.gguf").write_bytes(data)
    code = (
        "import sys, pathlib\n"
        "from heimdall_core.errors import ModelError\n"
        "from heimdall_run_llamacpp.load import load\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.gguf')):\n"
        "    try:\n"
        "        with load(path) as model:\n"
        "            model.generate(['<|im_start|>user'], max_new_tokens=2)\n"
        "            print('loaded')\n"
        "    except ModelError as error:\n"
        "        print('refused', str(error).count(chr(10)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.split("\n")[:-1]
    assert len(said) == 120
    assert set(said) <= {"loaded", "refused 0"}
    assert said.count("refused 0") > 40


def test_refuses_a_context_longer_than_the_model_was_made_for(taught_gguf):
    assert "made for 256 tokens" in refusal(taught_gguf, LlamaCppOptions(context_size=512))


def test_prints_nothing(taught_gguf, ask, capfd):
    with load(taught_gguf) as model:
        model.generate([ask("Smile.")], max_new_tokens=5)
        model.score([(ask("Smile."), "x")])
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_leaves_llama_cpps_logger_as_it_was(taught_gguf, ask):
    def logger() -> int | None:
        callback, data = library.llama_log_callback(), ctypes.c_void_p()
        library.llama_log_get(ctypes.byref(callback), ctypes.byref(data))
        return ctypes.cast(callback, ctypes.c_void_p).value

    before = logger()
    with load(taught_gguf) as model:
        model.generate([ask("Smile.")], max_new_tokens=5)
        assert logger() == before
    assert logger() == before


def test_a_closed_model_says_so(taught_gguf, ask):
    model = load(taught_gguf)
    model.close()
    model.close()
    for use in (
        lambda: model.tokenize("a"),
        lambda: model.generate([ask("a")], max_new_tokens=2),
        lambda: model.score([(ask("a"), "b")]),
        lambda: model.logits(ask("a")),
    ):
        with pytest.raises(ModelError, match="closed"):
            use()


def test_the_header_tells_what_the_file_takes(taught_gguf):
    header = read_gguf(taught_gguf)
    check_language_model(header)
    assert header.size == taught_gguf.stat().st_size
    assert 16 < header.bits_per_weight < 16.1
    assert {tensor.name for tensor in header.tensors} >= {"token_embd.weight", "blk.1.attn_q.bias"}
