"""Reads the pieces of a SentencePiece `tokenizer.model`: a protocol buffer of which three fields
matter. Every length is checked against the file.

Format: https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from heimdall_core.errors import ModelError

#: Wire types of protocol buffers.
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5

#: Field numbers of ModelProto, SentencePiece and TrainerSpec.
_PIECES: Final = 1
_TRAINER: Final = 2
_PIECE_TEXT: Final = 1
_PIECE_SCORE: Final = 2
_PIECE_TYPE: Final = 3
_TRAINER_MODEL: Final = 3

_UNIGRAM: Final = 1  # the format's default
BPE: Final = 2

#: SentencePiece's types of a piece, which are llama.cpp's token types.
NORMAL: Final = 1


@frozen
class Piece:
    """One entry of the vocabulary."""

    text: str
    score: float
    type: int


def read_pieces(path: Path) -> list[Piece]:
    """The pieces by id. Raises `ModelError` for a broken file, and for a model that is not BPE."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
    pieces: list[Piece] = []
    kind = 0  # the trainer's part, which comes last, has not been seen
    try:
        for number, value in _fields(data):
            if number == _PIECES and isinstance(value, bytes):
                pieces.append(_piece(value))
            elif number == _TRAINER and isinstance(value, bytes):
                kind = kind or _UNIGRAM
                for inner, setting in _fields(value):
                    if inner == _TRAINER_MODEL and isinstance(setting, int):
                        kind = setting
    except (ValueError, struct.error) as error:
        raise ModelError("is no SentencePiece model, or is cut short", where=str(path)) from error
    if not pieces or not kind:
        reason = "is no SentencePiece model, or is cut short"
        raise ModelError(reason, where=str(path))
    if kind != BPE:
        raise ModelError(
            "is a SentencePiece model of another kind than BPE, which llama.cpp's Llama tokenizer"
            " cannot follow",
            where=str(path),
        )
    return pieces


def _piece(data: bytes) -> Piece:
    text, score, kind = "", 0.0, NORMAL
    for number, value in _fields(data):
        if number == _PIECE_TEXT and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif number == _PIECE_SCORE and isinstance(value, float):
            score = value
        elif number == _PIECE_TYPE and isinstance(value, int):
            kind = value
    return Piece(text, score, kind)


def _fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Field number and value of each field of a message. Raises `ValueError` beyond its end."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("unknown wire type")
        if at + size > len(data):
            raise ValueError("cut short")
        raw = data[at : at + size]
        at += size
        yield tag >> 3, struct.unpack("<f", raw)[0] if wire == _FIXED32 else raw


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
