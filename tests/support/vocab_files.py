"""Published tokenizers, rebuilt from the vocabulary files in llama.cpp's source distribution, and
the cases that lie beside them.

Each `models/ggml-vocab-NAME.gguf` holds the tokens, types, scores or merges of a published
tokenizer; `.inp` holds texts, `.out` their token ids as Hugging Face's tokenizer gave them.
"""

from __future__ import annotations

from pathlib import Path

import llama_cpp.llama_cpp as library
import torch
from base_models import LLAMA3_REGEX, from_pieces
from tiny_models import QWEN2_REGEX
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from heimdall_core.types import ExportContext
from heimdall_export_gguf.export import export
from heimdall_export_gguf.options import GGUFOptions
from heimdall_run_llamacpp.gguf_file import read_gguf
from heimdall_run_llamacpp.load import load

#: name of the file -> architecture that it belongs to.
FILES = {"qwen2": "qwen2", "llama-bpe": "llama", "llama-spm": "llama", "phi-3": "phi3"}

_REGEX = {"qwen2": QWEN2_REGEX, "llama-bpe": LLAMA3_REGEX}
_CONTROL, _USER_DEFINED = 3, 4


def cases(path: Path) -> list[tuple[str, list[int]]]:
    """(text, token ids)."""
    texts = Path(f"{path}.inp").read_text("utf-8").split("\n__ggml_vocab_test__\n")
    lines = Path(f"{path}.out").read_text("utf-8").split("\n")
    return [
        (text, [int(n) for n in line.split()]) for text, line in zip(texts, lines, strict=False)
    ]


def rebuild(path: Path, architecture: str, folder: Path) -> Tokenizer:
    """Writes a tiny model directory with the tokenizer of a vocabulary file."""
    data = read_gguf(path).metadata
    tokens, types = data["tokenizer.ggml.tokens"], data["tokenizer.ggml.token_type"]
    pre = data.get("tokenizer.ggml.pre", "default")
    if data["tokenizer.ggml.model"] == "llama":
        tokenizer = from_pieces(tokens, data["tokenizer.ggml.scores"], extra=())
    else:
        merges = [tuple(merge.split(" ")) for merge in data["tokenizer.ggml.merges"]]
        vocabulary = {token: number for number, token in enumerate(tokens)}
        model = models.BPE(vocab=vocabulary, merges=merges, ignore_merges=pre == "llama-bpe")
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_REGEX[pre]), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
    marked = [t for t, kind in zip(tokens, types, strict=True) if kind in (_CONTROL, _USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in marked])
    eos = data["tokenizer.ggml.eos_token_id"]
    config = CONFIG_MAPPING[architecture](
        hidden_size=32,
        num_hidden_layers=1,
        intermediate_size=32,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=64,
        vocab_size=len(tokens),
        tie_word_embeddings=True,
        eos_token_id=eos,
        pad_token_id=eos,
        bos_token_id=data.get("tokenizer.ggml.bos_token_id"),
    )
    loaded = AutoModelForCausalLM.from_config(config, dtype=torch.float16)
    loaded.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=tokens[eos]).save_pretrained(
        folder
    )
    return tokenizer


def compare(path: Path, architecture: str, folder: Path) -> tuple[int, list[str]]:
    """How many cases were compared, and the texts whose ids differ: ours in llama.cpp from the
    published ones, or Hugging Face's from either."""
    tokenizer = rebuild(path, architecture, folder / "model")
    options = GGUFOptions(quant_types=("F16",), contract="own")
    [artefact] = export(ExportContext(folder / "model", folder / "x.gguf"), options)
    wrong = []
    found = cases(path)
    with load(artefact.path) as model:
        for text, ids in found:
            raw = text.encode()
            buffer = (library.llama_token * (len(raw) + 8))()
            count = library.llama_tokenize(
                model.native.vocabulary, raw, len(raw), buffer, len(buffer), False, False
            )
            theirs = tokenizer.encode(text, add_special_tokens=False).ids
            if not ids == list(buffer[:count]) == theirs:
                wrong.append(text)
    return len(found), wrong
