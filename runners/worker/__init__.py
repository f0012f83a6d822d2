"""The program that times networks: standard library, numpy and one runtime; Python 3.9 or newer.

It is packed into one file (runners.worker_archive) and started afresh for every process. It reads
one JSON object a line on standard input and answers with JSON lines on standard output:

    once, first:
    {"search", "backend", "threads", "mode", "precision", "core", "timed", "lead_in_below_ns",
     "warmup", "seed", "extra", "install", "cells"}, "backend" being {"module", "arguments"}: the
     module in backends/ and what it is opened with; "install" is what pip is to do for what is not
     there; null "threads" are as many as there are cores
        → {"event": "ready", ...}, or {"event": "unavailable", "reason", "asked_wrong"} and exit;
          one {"event": "loaded", ...} or {"event": "failed", "reason"} a cell; {"event": "warm"}
    {"do": "round", "order": [indexes]}
        → one {"event": "sample", "cell", "ns"} each, followed for cells with "profile" set by
          {"event": "profile", "cell", "ns", "operators_ns"}; then {"event": "round"}. Of several
          threads samples also hold "cpu_ns". Where "extra" is a list of fractions, they also hold
          "extra_ns": the time with so much more work; on a GPU they also hold "beside", "sm_mhz",
          "discarded" and "launch_shows", and the event at the end of a round "card" (see
          gpu_stopwatch)
    {"do": "loop", "cell", "times"}
        → {"event": "loop", "ns": [...]}: a bare loop without the harness, for `make bench`
    {"do": "count", "cell", "times", "path"}
        → {"event": "counts", "cell", "instructions": [...], "l1d_misses": [...],
          "l2_misses": [...]}, under an emulator whose counter writes to "path"
    {"do": "stop", "ceilings"}, or the end of the input
        → {"event": "stopped", ...} and exit; with "ceilings", which are false if left out, also
          what the machine can reach

It answers one request before it reads the next, so nothing is measured that the reader has not
yet stored, and it ends by itself when the reader is gone.
"""
