"""`enrich ingest`: indexes and enriches a directory."""
