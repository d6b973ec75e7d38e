"""Infrastructure of every process: settings, secrets, logs, tasks; packages for Kafka, Temporal, HTTP and
others."""
