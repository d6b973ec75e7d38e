"""`enrich dlq`: lists, shows, retries and discards dead letters."""
