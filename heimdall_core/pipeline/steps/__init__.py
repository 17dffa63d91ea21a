"""What the stages do, as plain functions on plain files; the commands call them as well."""
