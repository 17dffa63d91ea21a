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
