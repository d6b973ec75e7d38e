"""Requests for analyses and embeddings, carried out by worker processes."""
