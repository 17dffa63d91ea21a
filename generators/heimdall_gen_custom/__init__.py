"""Generator `custom`: a user's own examples and templates."""
