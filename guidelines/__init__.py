"""The experiments, one module each, and the command line that ties the rooms together."""

if __name__ == "guidelines":
    from guideline_benchmarks import short_names

    short_names.serve(__name__)
