"""The stores behind the ports: graph over Bolt, vectors in Qdrant, content in an object store. Each
translates its driver's errors in one place."""
