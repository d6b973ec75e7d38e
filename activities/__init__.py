"""The use cases of enrichment: what a workflow step does, told in terms of ports and never of a driver."""
