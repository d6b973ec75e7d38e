"""What failed: listed, retried, given up."""
