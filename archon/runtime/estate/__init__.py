"""The whole installation: the state of each part, free space and open work."""
