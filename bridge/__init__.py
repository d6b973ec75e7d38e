"""HTTP in: index, read and search documents; health. Knows workflows by name only."""
