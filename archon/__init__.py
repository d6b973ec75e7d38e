"""What several services share: contracts, runtime, stores, the embedded servers and the `enrich` command."""
