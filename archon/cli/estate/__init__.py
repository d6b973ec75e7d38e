"""Verbs about a whole installation: set up, diagnose, compare, validate."""
