"""The whole installation: how each part is, how much room and how much work is left."""
