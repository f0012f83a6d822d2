"""The experiments, one module each, and the command line that ties the rooms together."""
