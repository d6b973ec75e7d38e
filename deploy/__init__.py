"""In: nothing. Out: the namespace of checks and generators for deployment files."""
