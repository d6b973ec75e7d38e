"""In: nothing. Out: the namespace of the checks and generators of what is deployed."""
