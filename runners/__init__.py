"""How something is timed: platforms, the worker process, and the schedule of its rounds."""

if __name__ == "runners":
    from guideline_benchmarks import short_names

    short_names.serve(__name__)
