"""Datasets as streams of `Example`: read and write here; the rest by module, so that reading a
file imports no more than that.

    from heimdall_core.dataset.validate import ValidateOptions, validate_file
    from heimdall_core.dataset.correct import CorrectOptions, correct_file
    from heimdall_core.dataset.split import SplitOptions, split_rows
    from heimdall_core.dataset.stats import composition
"""

from heimdall_core.dataset.io import (
    BadLine,
    atomic_text,
    dump_example,
    example_from_dict,
    example_to_dict,
    read_examples,
    read_numbered,
    write_examples,
)

__all__ = [
    "BadLine",
    "atomic_text",
    "dump_example",
    "example_from_dict",
    "example_to_dict",
    "read_examples",
    "read_numbered",
    "write_examples",
]
