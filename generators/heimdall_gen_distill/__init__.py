"""Generator `distill` and the command of that name: what a larger model teaches, paid once, checked
always."""
