"""The durable processes: what happens in which order, and what survives which failure."""
