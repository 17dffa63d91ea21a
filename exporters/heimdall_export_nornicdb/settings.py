"""What NornicDB's Heimdall can be told, and what guides tell it in vain. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

#: Keys of `heimdall:` that NornicDB reads -> its environment variable. Any other is ignored by it.
KEYS: Final[Mapping[str, str]] = {
    "enabled": "NORNICDB_HEIMDALL_ENABLED",
    "model": "NORNICDB_HEIMDALL_MODEL",
    "gpu_layers": "NORNICDB_HEIMDALL_GPU_LAYERS",
    "context_size": "NORNICDB_HEIMDALL_CONTEXT_SIZE",
    "batch_size": "NORNICDB_HEIMDALL_BATCH_SIZE",
    "max_tokens": "NORNICDB_HEIMDALL_MAX_TOKENS",
    "temperature": "NORNICDB_HEIMDALL_TEMPERATURE",
    "anomaly_detection": "NORNICDB_HEIMDALL_ANOMALY_DETECTION",
    "runtime_diagnosis": "NORNICDB_HEIMDALL_RUNTIME_DIAGNOSIS",
    "memory_curation": "NORNICDB_HEIMDALL_MEMORY_CURATION",
    "max_context_tokens": "NORNICDB_HEIMDALL_MAX_CONTEXT_TOKENS",
    "max_system_tokens": "NORNICDB_HEIMDALL_MAX_SYSTEM_TOKENS",
    "max_user_tokens": "NORNICDB_HEIMDALL_MAX_USER_TOKENS",
}

#: Keys of the old guide that NornicDB does not know -> what there is instead.
IGNORED: Final[Mapping[str, str]] = {
    "model_path": "the file is found by heimdall.model in one of four fixed folders",
    "license": "the licence stands in the file itself",
    "threads": "NornicDB takes half of the cores, at least 4",
    "top_p": "a request may carry it; without it decoding is greedy",
    "top_k": "it is always 40",
    "repeat_penalty": "there is none",
    "cache_enabled": "NornicDB has no answer cache; `heimdall serve` has one",
    "cache_size": "NornicDB has no answer cache; `heimdall serve` has one",
}

#: Where NornicDB looks for a model, in this order; the last is relative to the server's folder.
MODEL_FOLDERS: Final = (
    "/usr/local/var/nornicdb/models",
    "/app/models",
    "/data/models",
    "./models",
)

#: The guide's table: context size -> memory in MB with a Q4 model of 1.5 B, and what it is for.
CONTEXTS: Final[Mapping[int, tuple[int, str]]] = {
    512: (800, "simple queries"),
    1024: (1200, "several clauses, simple aggregations"),
    2048: (2000, "complex queries, WITH, many hops"),
    4096: (3500, "long procedures, complex patterns"),
    8192: (6500, "several queries, long results"),
}

#: Tokens of NornicDB's own system message, measured on Qwen's vocabulary: without a plugin, and
#: with the Watcher, whose actions are part of it.
SYSTEM_TOKENS: Final = 1600
SYSTEM_TOKENS_WATCHER: Final = 2500

#: Tokens that a request's answer gets where it does not say (NornicDB's default).
ANSWER_TOKENS: Final = 1024


@frozen
class Sizes:
    """Sizes for one server, with what they rest on."""

    context: int
    batch: int
    prompt: int
    """Longest prompt in tokens, the system message included."""
    answer: int
    """Tokens left for an answer at least."""


def choose_sizes(
    longest: int, *, answer: int = ANSWER_TOKENS, watcher: bool = True, trained: int = 0
) -> Sizes:
    """The smallest context of the guide's table that holds the longest user message (`longest`
    tokens) beside NornicDB's system message and an answer.

    The batch holds the whole prompt: NornicDB clears its memory before every batch, so that of a
    prompt in two batches the model sees the second alone. `trained` is the model's own context,
    which is never exceeded (0: unknown).
    """
    system = SYSTEM_TOKENS_WATCHER if watcher else SYSTEM_TOKENS
    prompt = system + longest
    wanted = prompt + answer
    largest = max(CONTEXTS)
    context = next((size for size in CONTEXTS if size >= wanted), max(largest, wanted))
    if trained:
        context = min(context, trained)
    batch = next((size for size in CONTEXTS if size >= prompt), prompt)
    return Sizes(context, min(max(batch, 512), context), prompt, max(0, context - prompt))
