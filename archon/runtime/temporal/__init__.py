"""Temporal: its client, namespace and search attributes, and each kind of run that is started and read."""
