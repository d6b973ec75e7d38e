"""Requests for analyses and embeddings, done in worker processes."""
