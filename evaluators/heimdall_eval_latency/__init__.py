"""The evaluator `latency`: how long a user waits for an answer."""
