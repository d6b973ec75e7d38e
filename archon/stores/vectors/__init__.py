"""Documents and their chunks in Qdrant: written, found, compared, removed."""
