"""Documents and projects deleted."""
