"""The evaluator `actions`: whether NornicDB does what it was asked to with a model's answer."""
