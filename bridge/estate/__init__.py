"""The state of all parts, and what documents wait for."""
