"""Resources that every part needs for a rate and a number of documents, from the measured cost of one
document."""
