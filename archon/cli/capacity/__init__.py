"""What a rate and a number of documents need of every part, from the measured cost of one document."""
