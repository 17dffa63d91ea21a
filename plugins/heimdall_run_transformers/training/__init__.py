"""What trainers share: plan, data, loop, checkpoints, several processes, figures of a run."""
