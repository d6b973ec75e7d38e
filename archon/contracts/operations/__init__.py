"""What operators begin and see: backfills, deletions, comparisons, dead letters, keys, the rollout."""
