"""The load test: sends documents, and reports what they cost."""
