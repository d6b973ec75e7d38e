"""Code maps: the declarations of a document, and its references."""
