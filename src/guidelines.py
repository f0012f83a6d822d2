"""The program `guidelines` by the name of a module: `python -m guidelines`."""

from guideline_benchmarks.guidelines.__main__ import main

if __name__ == "__main__":
    main()
