"""What services share: contracts, runtime, stores, clients, events, the embedded servers, and `enrich`."""
