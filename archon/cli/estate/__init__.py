"""Verbs about a whole installation: set up, diagnosed, compared, validated."""
