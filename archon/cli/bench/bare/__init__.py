"""Bare workflows on the same server, as a baseline."""
