"""A byte-level BPE tokenizer of the model's own, trained on the rendered training rows.

Its normaliser and pre-tokenizer are Qwen2's, character for character: llama.cpp knows them as
`tokenizer.ggml.pre = qwen2` and splits text the same way.

That pre-tokenizer glues the character before a word to it: the label that a question writes as
` Actor` is `:Actor` in the answer. Plain BPE makes two tokens of them with nothing in common, so a
small model has to learn by heart, name by name, which one answers which, and cannot copy a name it
has not met. The merges are therefore learnt in two parts:

1. inside words alone, so that a word has the same tokens wherever it stands;
2. the character before a word with the word, for words that answers do not copy from prompts
   (` the`, ` RETURN`): they are common, and one token is cheaper than two.

One thing cannot be mended here: Qwen2's expression takes the quote of `'Silva'` for an English
contraction (`'s`) and splits `'S` off. Questions that quote such values as answers do are split
alike.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from heimdall_core.prompt import (
    CHAT_TEMPLATE,
    END_OF_TEXT,
    IM_END,
    SPECIAL_TOKENS,
    RenderedExample,
)

#: The expression published with Qwen2: single digits, so that numbers are copied digit by digit.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    r"|[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)

#: Share of the vocabulary that the second part of the merges may take.
_GLUED_SHARE = 0.25

#: A word counts as copied where this share of the answers that hold it answer a prompt with it.
_COPIED_SHARE = 0.5

_WORD = re.compile(r"[^\W\d_]+")
_MARKERS = re.compile("|".join(map(re.escape, SPECIAL_TOKENS)))


def train_tokenizer(
    rows: Sequence[RenderedExample], vocabulary: int, max_length: int
) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocabulary` tokens; fewer where the text has no more pairs to merge.

    The special tokens have the first ids, in the order of `SPECIAL_TOKENS`. The same rows give the
    same tokenizer. `max_length` is the model's context, in tokens.
    """
    texts = [part for row in rows for part in _texts(row)]
    rust = _new_tokenizer()
    glued = glued_words(rust, rows)[: int(vocabulary * _GLUED_SHARE)]
    _train_inside_words(rust, texts, vocabulary - len(glued))
    _add_merges(rust, glued)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # untyped library
        tokenizer_object=rust,
        eos_token=IM_END,
        pad_token=END_OF_TEXT,
        chat_template=CHAT_TEMPLATE,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )


def _new_tokenizer() -> Tokenizer:
    rust = Tokenizer(BPE())
    rust.normalizer = normalizers.NFC()
    rust.pre_tokenizer = _pre_tokenizer()
    rust.decoder = decoders.ByteLevel()
    return rust


def _pre_tokenizer(*splits: str) -> pre_tokenizers.PreTokenizer:
    """Qwen2's, with the text split further by each regular expression of `splits`."""
    return pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(s), behavior="isolated") for s in (QWEN2_SPLIT, *splits)),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _texts(row: RenderedExample) -> list[str]:
    """What stands between the markers. The trainer would read the markers as ordinary text and
    spend merges on pieces such as `im_start` that no encoding ever uses."""
    return [text for text in _MARKERS.split(row.prompt + row.answer) if text]


def _train_inside_words(rust: Tokenizer, texts: Sequence[str], vocabulary: int) -> None:
    """The first part of the merges: none joins a word with what stands before it."""
    rust.pre_tokenizer = _pre_tokenizer(r"\p{L}+")
    rust.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[AddedToken(token, special=True) for token in SPECIAL_TOKENS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    rust.pre_tokenizer = _pre_tokenizer()


def glued_words(rust: Tokenizer, rows: Sequence[RenderedExample]) -> list[str]:
    """Pre-tokens of one character and a word that answers do not copy, the commonest first.

    They are spelt as byte-level BPE spells them: `Ġthe`.
    """
    copied = copied_words(rows)
    counts: Counter[str] = Counter()
    for row in rows:
        for text in _texts(row):
            for piece, (start, end) in rust.pre_tokenizer.pre_tokenize_str(text):
                word = text[start + 1 : end]
                if _WORD.fullmatch(word) and word not in copied and not text[start].isalpha():
                    counts[piece] += 1
    return sorted(counts, key=lambda piece: (-counts[piece], piece))


def copied_words(rows: Sequence[RenderedExample]) -> set[str]:
    """Words of answers that mostly stand in the answer's own prompt as well."""
    answers: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for row in rows:
        words = set(_WORD.findall(_MARKERS.sub(" ", row.answer)))
        answers.update(words)
        both.update(words.intersection(_WORD.findall(_MARKERS.sub(" ", row.prompt))))
    return {word for word, count in both.items() if count >= _COPIED_SHARE * answers[word]}


def _add_merges(rust: Tokenizer, glued: Sequence[str]) -> None:
    """The second part of the merges. They come last, so words are whole before they apply; a word
    that the first part left in several tokens cannot be glued and is passed over."""
    model = json.loads(rust.to_str())["model"]
    vocabulary: dict[str, int] = model["vocab"]
    merges = [tuple(pair) for pair in model["merges"]]
    for piece in glued:
        head, word = piece[0], piece[1:]
        if word in vocabulary and piece not in vocabulary:
            vocabulary[piece] = len(vocabulary)
            merges.append((head, word))
    rust.model = BPE(vocab=vocabulary, merges=merges)
