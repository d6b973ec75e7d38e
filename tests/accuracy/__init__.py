"""How many functions and classes of foreign sources are found, against each language's own parser."""
