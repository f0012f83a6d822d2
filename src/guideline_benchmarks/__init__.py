"""The suite as it is imported: `guideline_benchmarks.results`, and so on.

An environment in which the suite is installed sees this one package, so that a user's own `results`
or `networks` stay theirs. In a checkout the five rooms are links to the folders at its root.
"""
