"""How something is timed: platforms, the worker process, and the schedule of its rounds."""
