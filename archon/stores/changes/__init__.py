"""What changed in the code of a project."""
