"""The classes of the syntax tree, by kind; `heimdall_lang_cypher.ast` has them all in one place."""
