"""Verbs about documents: publish, status, search, watch, delete."""
