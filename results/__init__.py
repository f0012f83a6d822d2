"""What was measured: the record, the store, statistics, verdicts, and the published figures."""
