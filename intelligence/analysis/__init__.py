"""The analysis of a document, from its text and language only."""
