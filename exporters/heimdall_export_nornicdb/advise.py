"""Which context size a set of queries needs, and what it costs in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from heimdall_core.dataset import read_examples
from heimdall_core.errors import DatasetError
from heimdall_core.prompt import messages_for, render_example, render_prompt
from heimdall_export_nornicdb.settings import CONTEXTS, Sizes, choose_sizes
from heimdall_run_llamacpp.gguf_file import GGUFFile

#: NornicDB's own estimate of tokens per byte, where there is no model to count with.
_TOKENS_PER_BYTE = 0.25


@frozen
class Advice:
    """What one set of queries needs."""

    name: str
    queries: int
    median: int
    """Tokens of a prompt with its answer, where one is known."""
    high: int
    """The 95th percentile."""
    longest: int
    alone: int
    """Context for the queries alone, as `heimdall serve` and `chat` give them."""
    nornicdb: Sizes
    memory: int
    """Bytes with NornicDB's context: the model, its cache and its working memory."""
    share: dict[int, float]
    """Context of the guide's table -> share of the queries that it holds."""


def read_queries(path: Path) -> list[tuple[str, str]]:
    """(prompt, answer) of every query: rows of a JSONL file, or lines of text.

    Raises `DatasetError` for a file without any.
    """
    if path.suffix in (".jsonl", ".json"):
        rows = list(read_examples(path))
        pairs = []
        for row in rows:
            rendered = render_example(row.instruction, row.input, row.output, row.system)
            pairs.append((rendered.prompt, rendered.answer if row.output else ""))
    else:
        try:
            lines = path.read_text("utf-8").splitlines()
        except FileNotFoundError as error:
            raise DatasetError("no such file", where=str(path)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError("cannot be read as text", where=str(path)) from error
        pairs = [(render_prompt(messages_for(line.strip())), "") for line in lines if line.strip()]
    if not pairs:
        raise DatasetError("holds no queries", where=str(path))
    return pairs


def advise(
    name: str,
    pairs: Sequence[tuple[str, str]],
    count: Callable[[str], int],
    header: GGUFFile | None,
    *,
    answer: int = 256,
    watcher: bool = True,
) -> Advice:
    """`count` gives the tokens of a text; `header` is the model's, where there is one."""
    prompts = [count(prompt) for prompt, _ in pairs]
    whole = sorted(
        length + (count(text) if text else answer)
        for length, (_, text) in zip(prompts, pairs, strict=True)
    )
    longest = whole[-1]
    trained = _number(header, "context_length")
    sizes = choose_sizes(max(prompts), answer=answer, watcher=watcher, trained=trained)
    alone = next((size for size in CONTEXTS if size >= longest), longest)
    return Advice(
        name=name,
        queries=len(pairs),
        median=whole[len(whole) // 2],
        high=whole[min(len(whole) - 1, int(0.95 * len(whole)))],
        longest=longest,
        alone=alone,
        nornicdb=sizes,
        memory=memory_bytes(header, sizes.context, sizes.batch),
        share={size: sum(w <= size for w in whole) / len(whole) for size in CONTEXTS},
    )


def memory_bytes(header: GGUFFile | None, context: int, batch: int) -> int:
    """The file, a cache of keys and values in half precision, and the activations of a batch
    with its logits. Without a model, the guide's figure."""
    if header is None:
        near = min(CONTEXTS, key=lambda size: abs(size - context))
        return CONTEXTS[near][0] * 1_000_000 * context // near
    heads = _number(header, "attention.head_count") or 1
    width = _number(header, "embedding_length")
    head = _number(header, "attention.key_length") or width // heads
    groups = _number(header, "attention.head_count_kv") or heads
    cache = 2 * 2 * _number(header, "block_count") * groups * head * context
    inner = _number(header, "feed_forward_length")
    vocabulary = len(header.metadata.get("tokenizer.ggml.tokens") or [])
    working = 4 * batch * (4 * width + 2 * inner) + 4 * vocabulary
    return int(header.size + cache + working)


def estimate(text: str) -> int:
    """Tokens as NornicDB estimates them."""
    return int(len(text.encode()) * _TOKENS_PER_BYTE) + 1


def as_json(advice: Advice) -> dict[str, Any]:
    """For `--json`."""
    import attrs

    plain: dict[str, Any] = json.loads(json.dumps(attrs.asdict(advice)))
    return plain


def _number(header: GGUFFile | None, key: str) -> int:
    if header is None:
        return 0
    value = header.metadata.get(f"{header.metadata.get('general.architecture')}.{key}")
    return value if isinstance(value, int) else 0
