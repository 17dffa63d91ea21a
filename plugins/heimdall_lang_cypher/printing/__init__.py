"""The printer, which is one class: each file derives from the one before it.

`expressions` < `patterns` < `clauses` < `commands` < what `heimdall_lang_cypher.printer` makes of
it. How names and strings are written is in `printer_names`.
"""
