"""`enrich graph`: questions about a project's code."""
