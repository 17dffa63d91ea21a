"""Where files appear, what is said about them, and that failures leave nothing."""

from __future__ import annotations

import hashlib
import os

import pytest

from heimdall_core.errors import ModelError
from heimdall_core.testing import ExporterContract
from heimdall_export_gguf import export as exporter
from heimdall_export_gguf.options import GGUFOptions, kinds


class TestContract(ExporterContract):
    plugin = "heimdall_export_gguf.plugin"


def test_writes_one_file_per_type_under_its_name(plain_model, run, tmp_path):
    artefacts = run(plain_model, "F16", "q8_0", "Q4_K_M")
    assert [artefact.kind for artefact in artefacts] == ["gguf:F16", "gguf:Q8_0", "gguf:Q4_K_M"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "plain-F16.gguf",
        "plain-Q4_K_M.gguf",
        "plain-Q8_0.gguf",
    ]
    for artefact in artefacts:
        data = artefact.path.read_bytes()
        assert artefact.details["bytes"] == len(data)
        assert artefact.details["sha256"] == hashlib.sha256(data).hexdigest()
        assert artefact.details["parameters"] == 1296384


def test_the_f32_file_is_written_once(plain_model, run, monkeypatch):
    written = []
    write = exporter.write_float

    def spy(plan, path, kind, progress):
        written.append(kind)
        write(plan, path, kind, progress)

    monkeypatch.setattr(exporter, "write_float", spy)
    whole, quantised = run(plain_model, "F32", "Q8_0")
    assert written == ["F32"]
    assert whole.path.read_bytes()[:4] == quantised.path.read_bytes()[:4] == b"GGUF"


def test_an_output_that_is_a_gguf_is_that_file(plain_model, run, tmp_path):
    target = tmp_path / "deep" / "heimdall-q4.gguf"
    (artefact,) = run(plain_model, "Q4_K_M", output=target)
    assert artefact.path == target
    assert [path.name for path in target.parent.iterdir()] == ["heimdall-q4.gguf"]
    with pytest.raises(ModelError, match="2 types cannot go into one file"):
        run(plain_model, "Q4_K_M", "F16", output=tmp_path / "other.gguf")


def test_the_name_pattern_is_followed(plain_model, run):
    (artefact,) = run(plain_model, "F16", file_name="{type}_{name}.gguf")
    assert artefact.path.name == "F16_plain.gguf"


def test_a_name_cannot_leave_the_folder(plain_model, run, tmp_path):
    (artefact,) = run(plain_model, "F16", metadata={"name": "../../etc/pass wd"})
    assert artefact.path.parent == tmp_path / "out"
    assert artefact.path.name == "etc-pass-wd-F16.gguf"


def test_existing_files_are_kept_unless_told_otherwise(plain_model, run, tmp_path):
    target = tmp_path / "out" / "plain-F16.gguf"
    target.parent.mkdir()
    target.write_text("mine", "utf-8")
    with pytest.raises(ModelError, match="exists already"):
        run(plain_model, "F16")
    assert target.read_text("utf-8") == "mine"
    run(plain_model, "F16", overwrite=True)
    assert target.read_bytes()[:4] == b"GGUF"


def test_a_failure_leaves_no_file_at_all(plain_model, run, tmp_path, monkeypatch):
    def fail(source, target, kind, threads, importance):
        target.write_bytes(b"GGUF half")
        raise ModelError("llama.cpp could not quantise")

    monkeypatch.setattr(exporter, "quantise", fail)
    with pytest.raises(ModelError, match="could not quantise"):
        run(plain_model, "F16", "Q8_0")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_one_error_and_leaves_no_file(plain_model, run, tmp_path, monkeypatch):
    def full(plan, path, kind, progress):
        path.write_bytes(b"GGUF half")
        raise OSError(28, os.strerror(28), str(path))

    monkeypatch.setattr(exporter, "write_float", full)
    with pytest.raises(ModelError, match="No space left on device"):
        run(plain_model, "F16")
    assert list((tmp_path / "out").iterdir()) == []


def test_too_little_space_is_noticed_before_work(plain_model, run, tmp_path, monkeypatch):
    class Usage:
        free = 1000

    monkeypatch.setattr(exporter.shutil, "disk_usage", lambda path: Usage)
    monkeypatch.setattr(exporter, "write_float", lambda *a: pytest.fail("work has started"))
    with pytest.raises(ModelError, match=r"at least [1-9]\.\d MB are needed, 0\.0 MB are free"):
        run(plain_model, "Q4_K_M")


def test_an_output_that_cannot_be_written_is_refused_before_work(
    plain_model, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(exporter, "write_float", lambda *a: pytest.fail("work has started"))
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be written"):
        run(plain_model, "F16", output=tmp_path / "file" / "out")


def test_types_that_need_an_importance_matrix_are_refused_before_work(
    plain_model, run, monkeypatch
):
    monkeypatch.setattr(exporter, "write_float", lambda *a: pytest.fail("work has started"))
    with pytest.raises(ModelError, match="IQ2_XS needs an importance matrix"):
        run(plain_model, "F16", "IQ2_XS", importance="none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quant_types": ("Q4_K_X",)}, "did you mean 'Q4_K_"),
        ({"quant_types": ()}, "at least one"),
        ({"quant_types": ("F16", "f16")}, "named twice"),
        ({"file_name": "../{type}.gguf"}, "bare file name"),
        ({"file_name": "{type}"}, "ends in .gguf"),
        ({"file_name": "model.gguf"}, "must hold {type}"),
        ({"file_name": "{type}{x}.gguf"}, "may hold {name}"),
        ({"file_name": "{type.gguf"}, "not a name pattern"),
        ({"threads": -1}, "threads"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GGUFOptions(**options)


def test_says_what_it_will_write():
    assert kinds(GGUFOptions()) == ("gguf:F16", "gguf:Q8_0", "gguf:Q4_K_M")
    assert kinds(GGUFOptions(quant_types=("q5_k",))) == ("gguf:Q5_K_M",)
