"""A document's analysis, from its text and language alone."""
