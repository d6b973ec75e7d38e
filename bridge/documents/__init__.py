"""Documents indexed, read and searched."""
