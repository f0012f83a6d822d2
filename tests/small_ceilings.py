"""Runs a packed worker for which smaller arrays and matrices are ceiling enough.

What the machine can reach is measured in every process, and matters in few tests. Started with the
words for Python, the archive first.
"""

import importlib
import runpy
import sys

archive = sys.argv[1]
sys.argv, sys.path[0] = sys.argv[1:], archive
ceilings = importlib.import_module("worker.ceilings")
ceilings.LARGEST, ceilings.ROWS = 4 * ceilings.SMALLEST, 64
runpy.run_path(archive, run_name="__main__")
