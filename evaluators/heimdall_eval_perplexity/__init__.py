"""The evaluator `perplexity`: how surprised a model is by the right answers."""
