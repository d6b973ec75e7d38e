"""The durable processes: the order of the steps, and how they survive failures."""
