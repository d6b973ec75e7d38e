"""`enrich up` and its services, and stacks that a verb starts for itself."""
