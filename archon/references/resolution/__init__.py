"""In: a name in a document. Out: the symbols that it means, along what all documents say now."""
