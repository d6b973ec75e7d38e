"""The use cases of enrichment: the steps of workflows, in terms of ports, without drivers."""
