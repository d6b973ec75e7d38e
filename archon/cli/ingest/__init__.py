"""`enrich ingest`: a directory indexed and enriched."""
