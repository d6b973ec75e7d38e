"""What operators start and see: backfills, deletions, comparisons, dead letters, keys, the rollout."""
