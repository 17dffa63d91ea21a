"""Generator `import`: pairs that others have made, in the formats that they come in."""
