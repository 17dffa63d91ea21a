"""The published tokenizers of our base models, through an export, tokenise their cases rightly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from vocab_files import FILES, compare

#: llama.cpp's folder inside an unpacked source distribution of llama-cpp-python.
SOURCE = os.environ.get("HEIMDALL_LLAMACPP", "")


@pytest.mark.skipif(not SOURCE, reason="HEIMDALL_LLAMACPP names no llama.cpp source")
@pytest.mark.parametrize("name", FILES)
def test_cases_give_the_published_ids(name, tmp_path):
    path = Path(SOURCE) / "models" / f"ggml-vocab-{name}.gguf"
    count, wrong = compare(path, FILES[name], tmp_path)
    assert count >= 40
    assert wrong == []
