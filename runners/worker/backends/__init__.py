"""The runtimes, a file for each, behind one interface."""
