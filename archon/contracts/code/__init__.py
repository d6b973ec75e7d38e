"""Code: what documents declare and refer to, questions about that, and their answers."""
