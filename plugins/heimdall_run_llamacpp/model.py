"""A GGUF in memory, behind `heimdall_core.types.LoadedModel`."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Literal, Self

from heimdall_core.errors import HeimdallError, ModelError
from heimdall_core.prompt import STOP, strip_answer
from heimdall_core.types import Completion, TokenScores
from heimdall_core.windows import windows
from heimdall_run_llamacpp.cores import default_threads
from heimdall_run_llamacpp.generate import Answer, run
from heimdall_run_llamacpp.gguf_file import GGUFFile
from heimdall_run_llamacpp.grammar import Grammar
from heimdall_run_llamacpp.log import captured_log
from heimdall_run_llamacpp.native import Batch, NativeModel
from heimdall_run_llamacpp.options import LlamaCppOptions
from heimdall_run_llamacpp.picking import Picker, constrained, greedy, sampler
from heimdall_run_llamacpp.score import score_pairs


class LlamaCppModel:
    """A language model from a GGUF file, on the CPU. Not thread safe."""

    def __init__(self, header: GGUFFile, options: LlamaCppOptions) -> None:
        """Raises `ModelError` where llama.cpp cannot load it, or where the options ask for a
        longer context than the model was made for."""
        threads = options.threads or default_threads(header.parameters)
        self.native = NativeModel(header.path, threads=threads, batch_size=options.batch_size)
        self.header = header
        self.name = header.path.stem
        stated = str(header.metadata.get("heimdall.languages", ""))
        self.languages = tuple(name for name in stated.split(",") if name)
        """Languages of the answers that it was trained on, as its file says; empty where it says
        nothing."""
        self.context_size: int = options.context_size or self.native.trained_context
        self._parallel = options.parallel
        if self.context_size > self.native.trained_context:
            self.close()
            raise ModelError(
                f"context_size is {options.context_size}; the model was made for"
                f" {self.native.trained_context} tokens",
                where=str(header.path),
            )
        self._pieces: dict[int, bytes] = {}
        self.stop_tokens = self._stop_tokens()
        """Tokens that end an answer."""

    def tokenize(self, text: str) -> list[int]:
        """Token ids; control markers become single tokens, and BOS is added where the file says
        so."""
        return self.native.tokenize(text)

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

        With a `grammar` (GBNF) every answer that is finished follows it. `finish` is `context`
        where the context ended before the answer did. `Completion.seconds` runs from the moment
        that the prompt's own computation was begun.
        """
        if max_new_tokens < 1:
            raise HeimdallError(f"max_new_tokens is {max_new_tokens}; it must be at least 1")
        if temperature < 0:
            raise HeimdallError(f"temperature is {temperature}; it must be 0 (greedy) or more")
        if on_text and len(prompts) != 1:
            raise HeimdallError("text can be streamed for one prompt at a time only")
        answers = self._answer(
            prompts,
            max_new_tokens,
            temperature=temperature,
            seed=seed,
            grammar=grammar,
            on_text=on_text,
        )
        return [self._completion(answer, max_new_tokens) for answer in answers]

    def generate_ids(self, prompts: Sequence[str], *, max_new_tokens: int) -> list[list[int]]:
        """Greedy answers as token ids, the end token included; empty where the prompt leaves no
        room."""
        answers = self._answer(prompts, max_new_tokens)
        return [answer.tokens if answer else [] for answer in answers]

    def _answer(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        grammar: str = "",
        on_text: Callable[[str], None] | None = None,
    ) -> list[Answer | None]:
        """The finished answer to each prompt; None where the prompt leaves no room for one."""
        answers: list[Answer | None] = []
        stream = _Stream(on_text) if on_text else None

        def on_token(answer: Answer) -> None:
            if stream and not answer.stopped:
                stream.add(self._piece(answer.tokens[-1]))

        with ExitStack() as stack:
            log = stack.enter_context(captured_log())
            rules = stack.enter_context(Grammar(self.native, grammar)) if grammar else None
            for row, text in enumerate(prompts):
                prompt = self._prompt(text)
                room = self.context_size - len(prompt)
                pick: Picker = sampler(temperature, seed, row) if temperature else greedy
                if rules:
                    pick = constrained(pick, rules.start())
                limit = min(max_new_tokens, room)
                answers.append(Answer(prompt, limit, pick) if room >= 1 else None)
            run(
                self.native,
                [answer for answer in answers if answer],
                log,
                parallel=self._parallel,
                stop=self.stop_tokens,
                on_token=on_token,
            )
        if stream:
            stream.close()
        return answers

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        """Log-probabilities of each (rendered prompt, answer text) pair's answer tokens.

        Prompt and answer are tokenised apart, as they are in training. Raises `ModelError` for a
        pair that is longer than the context.
        """
        rows = [(self._prompt(prompt), self._answer_tokens(answer)) for prompt, answer in pairs]
        for number, (prompt, answer) in enumerate(rows):
            if len(prompt) + len(answer) > self.context_size:
                raise ModelError(
                    f"pair {number} has {len(prompt) + len(answer)} tokens, the context"
                    f" {self.context_size}",
                    where=str(self.header.path),
                )
        with captured_log() as log:
            scores = score_pairs(self.native, rows, log, parallel=self._parallel)
        return [TokenScores(tuple(row)) for row in scores]

    def score_long(self, pairs: Sequence[tuple[str, str]], overlap: int = 0) -> list[TokenScores]:
        """As `score`, with pairs longer than the context taken in windows in which each token is
        given the `overlap` tokens before it, half the context by default."""
        size = self.context_size
        overlap = min(overlap or size // 2, size - 1)
        rows = [(self._prompt(prompt), self._answer_tokens(answer)) for prompt, answer in pairs]
        pieces = [list(windows(*row, size, overlap)) for row in rows]
        with captured_log() as log:
            flat = [piece for row in pieces for piece in row]
            scores = iter(score_pairs(self.native, flat, log, parallel=self._parallel))
        return [TokenScores(tuple(p for _ in row for p in next(scores))) for row in pieces]

    def logits(self, prompt: str) -> list[float]:
        """Next-token logits after a rendered prompt, one per vocabulary entry."""
        ids = self._prompt(prompt)
        if len(ids) > self.context_size:
            raise ModelError(
                f"the prompt has {len(ids)} tokens, the context {self.context_size}",
                where=str(self.header.path),
            )
        size = self.native.batch_size
        with captured_log() as log:
            self.native.prepare(1, len(ids), shared=False)
            for start in range(0, len(ids), size):
                batch = Batch()
                batch.add(ids[start : start + size], start, 0, wanted=1)
                values = self.native.decode(batch, log)
            return [float(value) for value in values[-1]]

    def close(self) -> None:
        """Frees the model's memory; a second call does nothing."""
        self.native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prompt(self, text: str) -> list[int]:
        ids = self.tokenize(text)
        if not ids:
            raise ModelError("the prompt is empty")
        return ids

    def _answer_tokens(self, text: str) -> list[int]:
        """Without the BOS that the file may want in front of a text of its own."""
        bos = len(self.tokenize(""))
        return self.tokenize(text)[bos:]

    def _stop_tokens(self) -> frozenset[int]:
        """Every end-of-generation token of the file, and the markers at which NornicDB stops."""
        ends = {token for token in range(self.native.vocabulary_size) if self.native.ends(token)}
        markers = {ids[0] for ids in map(self.tokenize, STOP) if len(ids) == 1}
        return frozenset(ends | markers)

    def _piece(self, token: int) -> bytes:
        if token not in self._pieces:
            self._pieces[token] = self.native.piece(token)
        return self._pieces[token]

    def _completion(self, answer: Answer | None, max_new_tokens: int) -> Completion:
        if answer is None:
            return Completion("", 0, "context")
        kept = answer.tokens[:-1] if answer.stopped else answer.tokens
        text = b"".join(map(self._piece, kept)).decode("utf-8", "replace")
        cut: Literal["length", "context"] = (
            "length" if answer.limit == max_new_tokens else "context"
        )
        return Completion(
            strip_answer(text),
            len(answer.tokens),
            "stop" if answer.stopped else cut,
            answer.seconds,
        )


class _Stream:
    """Hands on text as it grows; a character whose bytes come in several tokens comes whole."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self.on_text = on_text
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, piece: bytes) -> None:
        if text := self.decoder.decode(piece):
            self.on_text(text)

    def close(self) -> None:
        if text := self.decoder.decode(b"", final=True):
            self.on_text(text)
