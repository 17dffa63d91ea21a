"""The parser, which is one class: each file derives from the one before it.

`base` (tokens, names, errors) < `types` < `operators` < `atoms` < `collections` < `calls` <
`labels` < `elements` < `patterns` < `reading` < `projecting` < `writing` < `subqueries` <
`queries` < `schema` < `show` < `commands` < `Parser` in `heimdall_lang_cypher.parser`.
"""
