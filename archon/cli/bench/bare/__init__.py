"""Bare workflows on the same server, to compare with."""
