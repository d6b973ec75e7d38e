"""Questions about a project's code."""
