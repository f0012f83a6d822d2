"""Pure functions of samples: intervals, tests, verdicts."""
