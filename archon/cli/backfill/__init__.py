"""`enrich backfill`: enriches documents that were indexed without enrichment."""
