"""The families of questions, one module per subject."""
