"""In: changed documents of one project. Out: its documents, symbols and names, as they are now."""
