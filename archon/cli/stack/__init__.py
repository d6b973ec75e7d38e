"""`enrich up` and its services, and stacks that other verbs start."""
