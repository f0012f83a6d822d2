"""Where the time of a network goes, from profiled executions."""
