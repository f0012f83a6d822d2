"""What became of the threads that a runtime was given."""

from __future__ import annotations

from guideline_benchmarks.results.record.schema import Run

# In whatever networks several threads share, they are busy at once for more than a tenth of it.
ONE_ALONE = 1.1


def threads_busy(run: Run) -> float | None:
    """Return how many threads were busy in the mean while samples were taken.

    That is the process's processor time over wall time, of all samples; None where one thread was
    asked for. A thread that waits for others by spinning is busy.
    """
    rounds = [entry for entry in run.rounds if entry.cpu_ns]
    if not rounds:
        return None
    return sum(sum(entry.cpu_ns) for entry in rounds) / sum(sum(entry.ns) for entry in rounds)
