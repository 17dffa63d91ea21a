"""The names of llama.cpp's file types. Imports nothing heavy."""

from __future__ import annotations

from typing import Final

from heimdall_core.errors import ModelError, did_you_mean

#: Written straight from the model's weights, without llama.cpp's quantiser.
FLOAT_TYPES: Final = ("F32", "F16", "BF16")

#: What `llama_model_quantize` makes of an F32 file.
QUANTISED_TYPES: Final = (
    *("Q1_0", "Q2_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"),
    *("Q2_K", "Q2_K_S", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M"),
    *("Q5_K_S", "Q5_K_M", "Q6_K"),
    *("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M"),
    *("IQ3_XXS", "IQ3_XS", "IQ3_S", "IQ3_M", "IQ4_NL", "IQ4_XS"),
    *("TQ1_0", "TQ2_0", "MXFP4_MOE"),
)

#: llama.cpp refuses these without an importance matrix.
NEED_IMPORTANCE: Final = frozenset(
    {"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS", "Q2_K_S"}
)

ALL_TYPES: Final = FLOAT_TYPES + QUANTISED_TYPES

_ALIASES: Final = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}


#: Bits that a matrix of the type takes per weight, its scales included; mixtures about.
_BITS: Final = {
    "F32": "32",
    "F16": "16",
    "BF16": "16",
    "Q8_0": "8.5",
    "Q6_K": "6.6",
    "Q5_1": "6.0",
    "Q5_0": "5.5",
    "Q5_K_S": "5.5",
    "Q5_K_M": "5.7",
    "Q4_1": "5.0",
    "Q4_0": "4.5",
    "Q4_K_S": "4.6",
    "Q4_K_M": "4.9",
    "MXFP4_MOE": "4.25",
    "Q3_K_S": "3.5",
    "Q3_K_M": "3.9",
    "Q3_K_L": "4.3",
    "Q2_K": "3.2",
    "Q2_K_S": "2.9",
    "IQ4_NL": "4.5",
    "IQ4_XS": "4.3",
    "IQ3_M": "3.7",
    "IQ3_S": "3.5",
    "IQ3_XS": "3.3",
    "IQ3_XXS": "3.1",
    "IQ2_M": "2.7",
    "IQ2_S": "2.5",
    "IQ2_XS": "2.3",
    "IQ2_XXS": "2.1",
    "IQ1_M": "1.8",
    "IQ1_S": "1.6",
    "TQ2_0": "2.1",
    "TQ1_0": "1.7",
    "Q2_0": "2.25",
    "Q1_0": "1.1",
}

_REMARKS: Final = {
    "F16": "for the proof: every answer must be the model's",
    "BF16": "the range of F32; slower on CPUs without bfloat16",
    "Q8_0": "hardly distinguishable from F16",
    "Q5_K_M": "better than Q4_K_M, a quarter larger",
    "Q4_K_M": "the usual choice for NornicDB",
    "Q4_K_S": "a little smaller and faster than Q4_K_M",
    "MXFP4_MOE": "for mixtures of experts; other models become Q8_0",
}


def described_types() -> dict[str, str]:
    """Every type with what it takes and is good for."""
    described = {}
    for name in sorted(ALL_TYPES, key=lambda name: -float(_BITS[name])):
        parts = [f"about {_BITS[name]} bits per weight"]
        if name in NEED_IMPORTANCE:
            parts.append("needs an importance matrix, which is collected")
        if name in _REMARKS:
            parts.append(_REMARKS[name])
        described[name] = "; ".join(parts)
    return described


def canonical_type(name: str) -> str:
    """llama.cpp's spelling of a type's name: any case, `Q4_K` for `Q4_K_M`.

    Raises `ModelError` with the nearest name for one that does not exist.
    """
    upper = name.upper()
    upper = _ALIASES.get(upper, upper)
    if upper not in ALL_TYPES:
        raise ModelError(f"unknown quantisation type '{name}'", hint=did_you_mean(upper, ALL_TYPES))
    return upper


def file_type(name: str) -> int:
    """llama.cpp's number for a canonical name, as the installed llama-cpp-python has it."""
    import llama_cpp.llama_cpp as library

    prefix = "LLAMA_FTYPE_ALL_" if name == "F32" else "LLAMA_FTYPE_MOSTLY_"
    number = getattr(library, prefix + name, None)
    if number is None:
        raise ModelError(f"the installed llama-cpp-python does not know the type '{name}'")
    return int(number)
