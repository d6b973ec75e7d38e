"""The graph's protocol: sessions and their retries, its errors as ours, its constraints and indexes."""
