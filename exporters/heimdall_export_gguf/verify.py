"""The proof: what a GGUF does is compared with what the model it came from does.

Everything is compared through the runtimes that evaluation and chat use. F32 and F16 files must
agree in every answer; of a quantised file, token ids and prompts must, and how far its answers
agree is reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from attrs import frozen
from torch import no_grad, tensor

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import (
    IM_END,
    IM_START,
    SPECIAL_TOKENS,
    Message,
    messages_for,
    normalise_text,
    render_prompt,
)
from heimdall_core.types import Check, Event, Example, VerifyContext
from heimdall_export_gguf.adapter import is_adapter
from heimdall_export_gguf.peft_merge import merge_with_peft
from heimdall_export_gguf.probe_texts import NOT_NFC, QUESTIONS, probe_texts
from heimdall_export_gguf.quant_types import ALL_TYPES, file_type
from heimdall_run_llamacpp.cores import default_threads
from heimdall_run_llamacpp.load import load as load_gguf
from heimdall_run_llamacpp.log import captured_log
from heimdall_run_llamacpp.model import LlamaCppModel
from heimdall_run_llamacpp.native import Batch
from heimdall_run_llamacpp.score import log_softmax
from heimdall_run_transformers.decode import decode
from heimdall_run_transformers.device import cpu_threads
from heimdall_run_transformers.load import load as load_directory
from heimdall_run_transformers.model import TransformersModel
from heimdall_run_transformers.options import TransformersOptions

if TYPE_CHECKING:
    from torch import Tensor

#: Types that hold the weights closely enough for every greedy answer to be the same.
_EXACT: Final = ("F32", "F16")

#: Nats by which two next tokens may differ and count as equally likely: ten times what the
#: rounding of F16 weights and of llama.cpp's own F16 arithmetic moves a logit.
_TIE: Final = 0.01

#: Mean Kullback-Leibler divergence per next token that an exact type may have, in nats.
_MOST_DIVERGENCE: Final = 1e-3


@frozen
class _Pair:
    """The two models, and what they are compared on."""

    theirs: TransformersModel
    ours: LlamaCppModel
    examples: Sequence[Example]
    """As many as answers are compared."""
    context: VerifyContext
    kind: str
    """The file's type, such as Q4_K_M."""

    @property
    def exact(self) -> bool:
        """Whether every answer must be the same."""
        return self.kind in _EXACT


def verify(context: VerifyContext) -> list[Check]:
    """One check per property, in the order in which they are worth looking at.

    A difference is a check that has not passed, never an error; a GGUF that cannot be loaded is
    one, too. Raises `ModelError` where the model directory itself cannot be loaded.
    """
    try:
        ours = load_gguf(context.artefact)
    except HeimdallError as error:
        return [Check("file", False, str(error))]
    threads = default_threads(ours.header.parameters)
    with ours:
        options = TransformersOptions(device="cpu", threads=threads)
        # The runtime sets PyTorch's threads for the whole process; they are put back.
        with ExitStack() as stack:
            stack.enter_context(cpu_threads(threads))
            stack.enter_context(captured_log())
            theirs = stack.enter_context(_load_theirs(context, options, stack))
            pair = _Pair(
                theirs=theirs,
                ours=ours,
                examples=_fitting(context, min(theirs.context_size, ours.context_size), ours),
                context=context,
                kind=_kind_of(ours),
            )
            checks: dict[str, Callable[[_Pair], Check]] = {
                "token ids": _token_ids,
                "prompt": _prompt,
                "special tokens": _special_tokens,
                "answers": _answers,
                "distributions": _distributions,
            }
            return [_run(pair, name, check) for name, check in checks.items()]


def _load_theirs(
    context: VerifyContext, options: TransformersOptions, stack: ExitStack
) -> TransformersModel:
    """The model that was exported. An adapter is merged by PEFT, in float32: another program than
    the export's own."""
    if not is_adapter(context.model):
        return load_directory(context.model, options)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="heimdall-merged-")))
    merge_with_peft(context.model, folder, getattr(context.options, "base", ""))
    return load_directory(folder, options)


def _fitting(context: VerifyContext, size: int, model: LlamaCppModel) -> list[Example]:
    """The first examples, with their answers, that the context has room for."""
    rows = (
        row
        for row in context.examples or QUESTIONS
        if len(model.tokenize(prompt_of(row) + normalise_text(row.output))) < size
    )
    return list(islice(rows, context.answers))


def prompt_of(row: Example) -> str:
    """What the model is given for a row."""
    return render_prompt(messages_for(row.instruction, row.input, row.system))


def _run(pair: _Pair, name: str, check: Callable[[_Pair], Check]) -> Check:
    pair.context.emit(Event(kind="progress", stage="verify", message=name))
    if name in ("answers", "distributions") and not pair.examples:
        return Check(name, False, "there are no prompts that fit the context to compare on")
    try:
        return check(pair)
    except HeimdallError as error:
        return Check(name, False, str(error))


def _token_ids(pair: _Pair) -> Check:
    """Both tokenizers give the same ids for every text, and for every special token inside one.

    What llama.cpp does not do (normalise, and for some models tell spaces apart) is listed with
    what becomes of it, and does not fail: the prompt contract does it first.
    """
    texts = probe_texts(pair.context.examples, pair.context.texts)
    texts += [f"a{token}b {token}" for token in _marked_tokens(pair)]
    differing = [text for text in texts if pair.theirs.tokenize(text) != pair.ours.tokenize(text)]
    markers = [token.content for token in pair.theirs.tokenizer.added_tokens_decoder.values()]
    known = [text for text in differing if _differs_in_front_alone(pair, text, markers)]
    wrong = [text for text in differing if text not in known]
    if wrong:
        theirs, ours = pair.theirs.tokenize(wrong[0]), pair.ours.tokenize(wrong[0])
        at = _parting(theirs, ours)
        return Check(
            "token ids",
            False,
            f"{len(wrong)} of {len(texts)} texts differ; {wrong[0][:60]!r}: from token {at}"
            f" on {theirs[at : at + 5]} in the model, {ours[at : at + 5]} in the GGUF",
        )
    detail = f"{len(texts) - len(known)} texts give the same ids"
    if known:
        detail += (
            f", {len(known)} differ in a space at the beginning or behind a marker, where a prompt"
            " has none"
        )
    return Check("token ids", bool(texts), detail + _normalised(pair))


def _marked_tokens(pair: _Pair) -> list[str]:
    """Every added token but those that swallow whitespace beside them, which a GGUF cannot say."""
    added = pair.theirs.tokenizer.added_tokens_decoder.values()
    return [t.content for t in added if not (t.lstrip or t.rstrip or t.single_word)][:1000]


def _differs_in_front_alone(pair: _Pair, text: str, markers: Sequence[str]) -> bool:
    """Whether the ids are the same once the text stands where it does in a prompt, and no space
    follows a marker: SentencePiece tokenizers disagree on those."""
    placed = f"{IM_START}user\n{text}"
    for marker in markers:
        placed = placed.replace(f"{marker} ", f"{marker}. ")
    return pair.theirs.tokenize(placed) == pair.ours.tokenize(placed)


def _normalised(pair: _Pair) -> str:
    """What is to be said of texts that are not NFC."""
    same = [pair.theirs.tokenize(text) == pair.ours.tokenize(text) for text in NOT_NFC]
    other = [text for text, equal in zip(NOT_NFC, same, strict=True) if not equal]
    if not other:
        return f"; so do {len(NOT_NFC)} that are not NFC"
    listed = ", ".join(ascii(text)[1:-1] for text in other[:6])
    return (
        f"; {len(other)} of {len(NOT_NFC)} texts that are not NFC differ ({listed}), and are"
        " normalised by the prompt before either sees them"
    )


def _parting(one: Sequence[int], other: Sequence[int]) -> int:
    """The first place where two rows of token ids differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _prompt(pair: _Pair) -> Check:
    """Core, Hugging Face template and the GGUF's own template render the same bytes."""
    template = pair.ours.header.metadata.get("tokenizer.chat_template", "")
    conversations: list[Sequence[Message]] = [
        messages_for(row.instruction, row.input, row.system) for row in pair.examples
    ]
    conversations += [
        (Message("user", " leading and trailing \n"),),
        (Message("system", "Answer with Cypher.\n"), Message("user", "Zoë's {{ friends }}?")),
        (Message("user", "one"), Message("assistant", "two"), Message("user", "<three>")),
    ]
    for messages in conversations:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        wanted = render_prompt(messages)
        others = {
            "the model's template": pair.theirs.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            ),
            "the GGUF's template": _rendered(template, turns),
        }
        for whose, text in others.items():
            if text != wanted:
                return Check("prompt", False, f"{whose} renders {text!r} instead of {wanted!r}")
    return Check("prompt", True, f"{len(conversations)} conversations render to the same bytes")


def _rendered(template: str, turns: Sequence[dict[str, str]]) -> str:
    """As transformers and llama.cpp render: sandboxed, since the template comes from a file."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        compiled = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(
            template
        )
        return compiled.render(messages=turns, add_generation_prompt=True)
    except TemplateError as error:
        return f"(not a template: {error})"


def _special_tokens(pair: _Pair) -> Check:
    """ChatML's markers are single control tokens, and `<|im_end|>` ends an answer."""
    native = pair.ours.native
    bos = len(pair.ours.tokenize(""))  # which some models want in front of every text
    for marker in SPECIAL_TOKENS:
        ids = pair.ours.tokenize(marker)[bos:]
        if len(ids) != 1 or not native.is_control(ids[0]):
            return Check("special tokens", False, f"{marker} is not a single control token: {ids}")
    (end,) = pair.ours.tokenize(IM_END)[bos:]
    declared = pair.ours.header.metadata.get("tokenizer.ggml.eos_token_id")
    if not native.ends(end) or declared != end:
        return Check(
            "special tokens", False, f"{IM_END} is token {end}, but the answer ends at {declared}"
        )
    return Check(
        "special tokens",
        True,
        f"{', '.join(SPECIAL_TOKENS)} are single control tokens, {IM_END} ends an answer",
    )


def _answers(pair: _Pair) -> Check:
    """Greedy answers. Where the model's two best tokens are equal to the third decimal, rounding
    decides, and either answer is the model's: that is counted apart."""
    prompts = [prompt_of(row) for row in pair.examples]
    limit = pair.context.max_new_tokens
    rows = list(
        zip(
            prompts,
            pair.theirs.generate(prompts, max_new_tokens=limit),
            pair.ours.generate(prompts, max_new_tokens=limit),
            strict=True,
        )
    )
    other = [row for row in rows if (row[1].text, row[1].finish) != (row[2].text, row[2].finish)]
    detail = f"{len(rows) - len(other)} of {len(rows)} greedy answers are the same ({pair.kind})"
    if not other:
        return Check("answers", True, detail)
    if not pair.exact:
        return Check("answers", True, detail)
    margins = [_margin(pair, prompt) for prompt, _, _ in other]
    wrong = [row for row, margin in zip(other, margins, strict=True) if margin > _TIE]
    if len(wrong) < len(other):
        detail += (
            f", {len(other) - len(wrong)} part where two tokens are equally likely (within"
            f" {_TIE} nats)"
        )
    if wrong:
        detail += f"; {wrong[0][1].text!r} became {wrong[0][2].text!r}"
    return Check("answers", not wrong, detail)


def _margin(pair: _Pair, prompt: str) -> float:
    """By how much the model prefers its own token where the two answers to a prompt part, in
    nats."""
    ids = pair.theirs.tokenize(prompt)
    limit = min(pair.context.max_new_tokens, pair.theirs.context_size - len(ids))
    stop = pair.ours.stop_tokens
    (theirs,) = decode(pair.theirs.model, [ids], [limit], stop=stop)
    (ours,) = pair.ours.generate_ids([prompt], max_new_tokens=limit)
    at = _parting(theirs.tokens, ours)
    if at >= min(len(theirs.tokens), len(ours)):
        return 0.0 if theirs.tokens == ours else math.inf
    logits: list[float] = []

    def keep(values: Tensor, rows: Sequence[int]) -> list[int]:
        logits.extend(values[0].tolist())
        return [0]

    decode(pair.theirs.model, [ids + ours[:at]], [1], stop=stop, pick=keep)
    return logits[theirs.tokens[at]] - logits[ours[at]]


def _distributions(pair: _Pair) -> Check:
    """Divergence of the next-token distributions after every token of prompts and answers."""
    values: list[float] = []
    known: list[float] = []
    for row in pair.examples:
        ids = pair.theirs.tokenize(prompt_of(row) + normalise_text(row.output))
        with no_grad():
            [theirs] = pair.theirs.model(tensor([ids])).logits.float().numpy()
        values += _divergences(theirs, pair.ours, ids)
        p = log_softmax(theirs)
        known += (np.exp(p) * (p + math.log(p.shape[1]))).sum(axis=-1).tolist()
    mean, worst = float(np.mean(values)), float(np.max(values))
    detail = (
        f"mean KL divergence {mean:.2g} nats per token, at most {worst:.2g}, over {len(values)}"
        f" tokens of {len(pair.examples)} prompts ({pair.kind})"
    )
    if pair.exact:
        return Check("distributions", mean <= _MOST_DIVERGENCE, detail)
    # A quantised file differs. One that is further from the model than a file that knows nothing
    # (and finds all tokens equally likely) is another model, or a ruin.
    limit = float(np.mean(known))
    return Check("distributions", mean < limit, f"{detail}; knowing nothing: {limit:.2g}")


def _divergences(
    theirs: npt.NDArray[np.float32], model: LlamaCppModel, ids: Sequence[int]
) -> list[float]:
    """One value per token, in blocks that llama.cpp hands back at once."""
    if theirs.shape[1] != model.native.vocabulary_size:
        return [math.inf]
    found: list[float] = []
    with captured_log() as log:
        model.native.prepare(1, len(ids), shared=False)
        step = min(model.native.most_outputs, model.native.batch_size)
        for start in range(0, len(ids), step):
            part = ids[start : start + step]
            batch = Batch()
            batch.add(part, start, 0, wanted=len(part))
            p = log_softmax(theirs[start : start + step])
            q = log_softmax(model.native.decode(batch, log))
            found += (np.exp(p) * (p - q)).sum(axis=-1).tolist()
    return found


def divergence(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Kullback-Leibler divergence of two next-token distributions, in nats, from their logits.

    The model's distribution is the true one. Infinite where the vocabularies differ in size.
    """
    if len(theirs) != len(ours):
        return float("inf")
    p, q = log_softmax(np.array([theirs], np.float32)), log_softmax(np.array([ours], np.float32))
    return float((np.exp(p) * (p - q)).sum())


def _kind_of(model: LlamaCppModel) -> str:
    """The file's type by llama.cpp's name, from its own header."""
    number: Any = model.header.metadata.get("general.file_type")
    return next((name for name in ALL_TYPES if file_type(name) == number), f"type {number}")
