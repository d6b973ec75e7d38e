"""Share of the functions and classes of foreign sources that are found, compared with each language's own
parser."""
