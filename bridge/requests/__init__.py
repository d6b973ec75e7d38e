"""Common needs of all routes: the caller, the correlation id, the clients, the document of a path."""
