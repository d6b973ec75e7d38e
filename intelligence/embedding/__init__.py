"""Texts as vectors: dense by the bundled model, sparse by their terms."""
