"""What every process needs: settings, secrets, logs, tasks; Kafka, Temporal, HTTP and more in rooms."""
