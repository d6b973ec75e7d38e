"""Streams of the events of a document or project."""
