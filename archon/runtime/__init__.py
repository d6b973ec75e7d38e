"""Process concerns every service shares: settings, logs, metrics, Kafka and Temporal clients, shutdown."""
