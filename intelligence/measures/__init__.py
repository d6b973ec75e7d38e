"""Measures of a parsed source, rules for patterns, and scores."""
