"""The record that flows through every stage."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii

from attrs import field, frozen

from heimdall_core.types.base import Json


def content_id(*parts: str) -> str:
    """16 hex digits of system, instruction, input and output."""
    import hashlib  # it loads OpenSSL, which a list of plugins need not wait for

    # As `json.dumps` of the list, at a third of its time.
    text = f"[{', '.join(map(encode_basestring_ascii, parts))}]"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@frozen
class Example:
    """One row of a dataset: a question with its one right answer, and where it comes from.

    The first five fields are the predecessor's JSONL; the others are ours and may be empty.
    """

    instruction: str
    input: str = ""
    output: str = ""
    category: str = ""
    context_size: str = "small"
    id: str = ""
    """Content hash of system, instruction, input and output; filled in by `with_id`."""
    source: str = ""
    """The generator's name, or the file that the row was imported from."""
    licence: str = ""
    """SPDX identifier."""
    language: str = ""
    """Name of the `Language` of `output`; empty for prose."""
    schema: str = ""
    """Name of the graph schema that the answer is about."""
    family: str = ""
    """Template family: rows of one family differ in names, values and wording alone."""
    combination: str = ""
    """Schema + family + values: rows that share it are paraphrases and never cross a split."""
    system: str = ""
    """System message, where the row has one of its own."""
    verification: tuple[str, ...] = ()
    """Checks that the row has passed, such as `cypher:syntax`."""
    meta: Json = field(factory=dict)
    """Anything else: plain JSON. Unknown keys of an imported file are kept here."""

    def content_id(self) -> str:
        """16 hex digits that depend on what the model sees and answers, on nothing else."""
        return content_id(self.system, self.instruction, self.input, self.output)

    @property
    def prompt_key(self) -> tuple[str, str, str]:
        """Two rows with the same key show the model the same prompt."""
        return (self.system, self.instruction, self.input)
