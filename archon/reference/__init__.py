"""The documents that are generated from the code and committed: schemas, APIs, settings."""
