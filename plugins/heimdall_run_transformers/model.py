"""A model directory in memory, behind `heimdall_core.types.LoadedModel`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_core.prompt import strip_answer
from heimdall_core.types import Completion, TokenScores
from heimdall_core.windows import windows
from heimdall_run_transformers.adapter import load_merged
from heimdall_run_transformers.base import is_adapter
from heimdall_run_transformers.decode import (
    Decoded,
    Picker,
    Prefix,
    TextStream,
    common_start,
    compute_prefix,
    decode,
    greedy,
    left_padded,
    sampler,
)
from heimdall_run_transformers.device import available_cores, choose_device
from heimdall_run_transformers.options import TransformersOptions
from heimdall_run_transformers.quiet import no_progress_bars
from heimdall_run_transformers.tokens import load_tokenizer, one_line, rust_tokenizer, stop_ids

#: Rows of a batch that nobody has set: at least, at most, and the bytes that more than the least
#: may need. A small model spends most of a step on what does not grow with the rows.
_FEWEST, _MOST, _ROOM = 32, 128, 1 << 29

#: Tokens that prompts must have in common before computing them apart pays.
_WORTH_SHARING = 32


class TransformersModel:
    """A causal language model from a Hugging Face directory.

    On the CPU it computes in fp32, elsewhere in the precision that the weights were saved in.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        *,
        name: str,
        batch_size: int,
    ) -> None:
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.context_size: int = model.config.max_position_embeddings
        self._rust = rust_tokenizer(tokenizer)
        declared = model.generation_config.eos_token_id if model.generation_config else None
        self._stop = stop_ids(self._rust, declared)
        self._shared: Prefix | None = None

    @classmethod
    def load(cls, path: Path, options: TransformersOptions) -> Self:
        """Reads config, weights (safetensors only) and tokenizer from `path`, nothing else."""
        torch.set_num_threads(options.threads or available_cores())
        device = choose_device(options.device)
        if is_adapter(path):
            dtype = torch.float32 if device.type == "cpu" else "auto"
            return cls(
                load_merged(path, dtype).to(device),
                load_tokenizer(path),
                name=path.name,
                batch_size=options.batch_size,
            )
        try:
            with no_progress_bars():
                model = AutoModelForCausalLM.from_pretrained(
                    str(path),
                    local_files_only=True,
                    use_safetensors=True,
                    trust_remote_code=False,
                    dtype=torch.float32 if device.type == "cpu" else "auto",
                )
        except Exception as error:  # config, shapes, safetensors: many types, one cause
            raise ModelError(
                f"the model cannot be loaded: {one_line(error)}", where=str(path)
            ) from error
        return cls(
            model.to(device),  # type: ignore[arg-type]  # the library's decorator hides `self`
            load_tokenizer(path),
            name=path.name,
            batch_size=options.batch_size,
        )

    def tokenize(self, text: str) -> list[int]:
        """Token ids; control markers become single tokens, and the tokenizer's own BOS is added
        where its settings say so."""
        return self._rust.encode(text).ids

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        grammar: str = "",
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        """One completion per rendered prompt, in order.

        Prompts of similar length are batched. `Completion.seconds` is the time from the start of
        the row's batch to its own last token. `finish` is `context` where the model's context
        ended before the answer did.
        """
        if grammar:
            raise HeimdallError(
                "the runtime 'transformers' cannot follow a grammar",
                hint="export the model and use the runtime 'llamacpp'",
            )
        if max_new_tokens < 1:
            raise HeimdallError(f"max_new_tokens is {max_new_tokens}; it must be at least 1")
        if temperature < 0:
            raise HeimdallError(f"temperature is {temperature}; it must be 0 (greedy) or more")
        if on_text and len(prompts) != 1:
            raise HeimdallError("text can be streamed for one prompt at a time only")
        ids = [encoding.ids for encoding in self._rust.encode_batch_fast(list(prompts))]
        room = [self.context_size - len(row) for row in ids]
        done = {row: Completion("", 0, "context") for row, left in enumerate(room) if left < 1}
        asked = [row for row in range(len(ids)) if row not in done]
        prefix = self._prefix([ids[row] for row in asked])
        cost = self._cache_bytes()
        for batch in self._batches(asked, ids, lambda row: cost * (len(ids[row]) + max_new_tokens)):
            done |= self._generate_batch(
                {row: (ids[row], min(max_new_tokens, room[row])) for row in batch},
                cut={row: "length" if max_new_tokens <= room[row] else "context" for row in batch},
                pick=sampler(temperature, seed, batch) if temperature else greedy,
                on_text=on_text,
                prefix=prefix,
            )
        return [done[row] for row in range(len(ids))]

    def _prefix(self, prompts: Sequence[Sequence[int]]) -> Prefix | None:
        """What the prompts begin with, where there is enough of it; that of the last call where it
        is the same."""
        tokens = common_start(prompts) if len(prompts) > 1 else ()
        if len(tokens) < _WORTH_SHARING:
            return None
        if self._shared is None or self._shared.tokens != tokens:
            self._shared = compute_prefix(self.model, tokens)
        return self._shared

    def _generate_batch(
        self,
        rows: Mapping[int, tuple[Sequence[int], int]],
        *,
        cut: Mapping[int, Literal["length", "context"]],
        pick: Picker,
        on_text: Callable[[str], None] | None,
        prefix: Prefix | None,
    ) -> dict[int, Completion]:
        """Completions by row; `rows` gives each one's prompt ids and how many tokens may follow,
        `cut` what it means to use them up."""
        start = time.perf_counter()
        seconds = dict.fromkeys(rows, 0.0)
        keys = list(rows)
        stream = TextStream(self._text, on_text) if on_text else None

        def on_token(slot: int, answer: Decoded) -> None:
            seconds[keys[slot]] = time.perf_counter() - start
            if stream:
                stream.show(answer.tokens, done=answer.finished)

        answers = decode(
            self.model,
            [ids for ids, _ in rows.values()],
            [limit for _, limit in rows.values()],
            stop=self._stop,
            pick=pick,
            on_token=on_token,
            prefix=prefix,
        )
        return {
            row: Completion(
                self._text(answer.tokens),
                len(answer.tokens),
                "stop" if answer.stopped else cut[row],
                seconds[row],
            )
            for row, answer in zip(keys, answers, strict=True)
        }

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        """Log-probabilities (nats) of each answer's tokens, given the prompt and those before.

        The end token is scored where the answer text names it. Prompt and answer are tokenised
        apart, as in training. Raises `ModelError` for a pair longer than the model's context.
        """
        rows = self._pair_ids(pairs)
        for index, (prompt, answer) in enumerate(rows):
            if len(prompt) + len(answer) > self.context_size:
                raise ModelError(
                    f"pair {index} has {len(prompt) + len(answer)} tokens; the model's context is "
                    f"{self.context_size}",
                    where=self.name,
                )
        return [TokenScores(tuple(row)) for row in self._score_ids(rows)]

    def score_long(self, pairs: Sequence[tuple[str, str]], overlap: int = 0) -> list[TokenScores]:
        """As `score`, with pairs longer than the context taken in windows in which each token is
        given the `overlap` tokens before it, half the context by default."""
        size = self.context_size
        rows = self._pair_ids(pairs)
        pieces = [list(windows(*row, size, min(overlap or size // 2, size - 1))) for row in rows]
        scores = iter(self._score_ids([piece for row in pieces for piece in row]))
        return [TokenScores(tuple(p for _ in row for p in next(scores))) for row in pieces]

    def _pair_ids(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
        rows = [
            (self.tokenize(prompt), self._rust.encode(answer, add_special_tokens=False).ids)
            for prompt, answer in pairs
        ]
        for index, (prompt, _) in enumerate(rows):
            if not prompt:
                raise ModelError(f"pair {index} has no prompt that could predict its answer")
        return rows

    @torch.inference_mode()
    def _score_ids(self, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[list[float]]:
        """Log-probabilities of the second part of each row, given the first; all fit."""
        ids = [[*prompt, *answer] for prompt, answer in rows]
        scores: dict[int, list[float]] = {}
        answers = max((len(answer) for _, answer in rows), default=0)
        cost = 8 * answers * int(getattr(self.model.config, "vocab_size", 0))  # fp32, and its log
        for numbers in self._batches(range(len(ids)), ids, lambda _: cost):
            tokens, mask = left_padded([ids[number] for number in numbers], self.model.device)
            longest = max(len(rows[number][1]) for number in numbers)
            output = self.model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
                use_cache=False,
                logits_to_keep=longest + 1,  # the last one predicts what follows the answer
            )
            logs = torch.log_softmax(output.logits.float()[:, :-1], dim=-1)  # (B, longest, V)
            for slot, number in enumerate(numbers):
                answer = torch.tensor(rows[number][1], dtype=torch.long, device=logs.device)
                at = logs[slot, longest - len(answer) :]  # answers end at the right edge
                scores[number] = at.gather(1, answer[:, None])[:, 0].tolist()
        return [scores[number] for number in range(len(ids))]

    @torch.inference_mode()
    def logits(self, prompt: str) -> list[float]:
        """Next-token logits after a rendered prompt, one per vocabulary entry."""
        ids = self.tokenize(prompt)
        if not 0 < len(ids) <= self.context_size:
            raise ModelError(
                f"the prompt has {len(ids)} tokens; the model takes 1 to {self.context_size}",
                where=self.name,
            )
        tokens = torch.tensor([ids], device=self.model.device)
        output = self.model(input_ids=tokens, use_cache=False, logits_to_keep=1)
        return output.logits[0, -1].float().tolist()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Lets go of the weights; the object cannot be used afterwards."""
        del self.model
        self._shared = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _batches(
        self, rows: Iterable[int], ids: Sequence[Sequence[int]], cost: Callable[[int], int]
    ) -> Iterator[list[int]]:
        """The rows in batches of like length, the longest first: what does not fit in memory
        fails at once, and little is padding. `cost` gives the bytes that a row needs."""
        ordered = sorted(rows, key=lambda row: -len(ids[row]))
        while ordered:
            fitting = _ROOM // max(1, cost(ordered[0]))
            size = self.batch_size or max(_FEWEST, min(_MOST, fitting))
            yield ordered[:size]
            ordered = ordered[size:]

    def _cache_bytes(self) -> int:
        """Bytes of one token's keys and values in all layers."""
        config = self.model.config
        heads = int(config.num_attention_heads)
        width = getattr(config, "head_dim", None) or int(config.hidden_size) // heads
        keys = int(getattr(config, "num_key_value_heads", None) or heads)
        return 2 * int(config.num_hidden_layers) * keys * int(width) * self.model.dtype.itemsize

    def _text(self, tokens: Sequence[int]) -> str:
        """The answer without its stop token, and without a marker spelt in several tokens."""
        kept = tokens[:-1] if tokens and tokens[-1] in self._stop else tokens
        return strip_answer(self._rust.decode(kept, skip_special_tokens=False))
