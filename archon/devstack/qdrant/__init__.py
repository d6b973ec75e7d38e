"""Qdrant's REST API, as far as this product uses it, on Qdrant's own engine, embedded."""
