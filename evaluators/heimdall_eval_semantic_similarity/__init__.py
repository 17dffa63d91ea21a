"""The evaluator `semantic_similarity`: how close an answer's meaning is to the right one's."""
