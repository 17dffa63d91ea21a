"""Datasets as streams of `Example`: read, write, validate, correct, split."""

from heimdall_core.dataset.io import (
    BadLine,
    atomic_text,
    dump_example,
    example_from_dict,
    example_to_dict,
    read_examples,
    write_examples,
)

__all__ = [
    "BadLine",
    "atomic_text",
    "dump_example",
    "example_from_dict",
    "example_to_dict",
    "read_examples",
    "write_examples",
]
