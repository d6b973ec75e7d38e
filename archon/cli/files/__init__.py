"""The files of a directory that may be sent, as git would list them, and their text."""
