"""The evaluator `execution`: runs reference and answer on a graph and compares what they return."""
