"""Entry point of the plugin: the language `cypher` and the command group `heimdall cypher`."""

from __future__ import annotations

from collections.abc import Iterator

from heimdall_core import Command, Language, hookimpl, lazy

DIALECTS = ("nornicdb", "neo4j", "neo4j5", "opencypher9")
ENGINES = ("graphdblite", "graphqlite", "ocg")


@hookimpl
def heimdall_languages() -> Iterator[Language]:
    yield Language(
        name="cypher",
        summary="Cypher: parser, checker, printer, grammar and embedded engines.",
        dialects=DIALECTS,
        check=lazy("heimdall_lang_cypher.language:check"),
        normalise=lazy("heimdall_lang_cypher.normalise:normalise"),
        format=lazy("heimdall_lang_cypher.printer:format_query"),
        extract=lazy("heimdall_lang_cypher.extract:extract"),
        complexity=lazy("heimdall_lang_cypher.complexity:complexity"),
        vocabulary=lazy("heimdall_lang_cypher.vocabulary:vocabulary"),
        grammar=lazy("heimdall_lang_cypher.grammar:grammar"),
        engines=ENGINES,
        engine=lazy("heimdall_lang_cypher.engine:open_engine"),
        populate=lazy("heimdall_lang_cypher.populate:populate"),
        witness=lazy("heimdall_lang_cypher.witness:witness"),
    )


@hookimpl
def heimdall_commands() -> Iterator[Command]:
    yield Command(
        name="cypher",
        summary="Check, format and normalise Cypher queries.",
        load=lazy("heimdall_lang_cypher.cli:command"),
    )
