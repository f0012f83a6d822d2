"""Torch modules and nothing else: the synthetic blocks, whole networks, and what a module costs."""

if __name__ == "networks":
    from guideline_benchmarks import short_names

    short_names.serve(__name__)
