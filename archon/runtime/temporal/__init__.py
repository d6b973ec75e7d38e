"""Temporal: client, namespace, search attributes, and the start and status of each kind of run."""
