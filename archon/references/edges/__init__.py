"""In: symbols and documents of a project. Out: the references and imports between them, and walks along
these."""
