"""One run: load, figures, checks."""
