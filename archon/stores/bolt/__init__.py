"""Access to the graph over Bolt: sessions with retries, error translation, constraints and indexes."""
