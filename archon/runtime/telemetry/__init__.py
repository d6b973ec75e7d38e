"""Metrics, and spans of what is done for a document."""
