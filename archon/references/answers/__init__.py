"""In: one project's index and a question. Out: the answer."""
