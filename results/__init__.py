"""What was measured: the record, the store, statistics, verdicts, and the published figures."""

if __name__ == "results":
    from guideline_benchmarks import short_names

    short_names.serve(__name__)
