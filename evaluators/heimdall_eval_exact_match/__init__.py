"""The evaluator `exact_match`: whether an answer is the right one."""
