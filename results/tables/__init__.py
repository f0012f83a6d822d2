"""The figures of a run's cells, from raw samples and counts."""
