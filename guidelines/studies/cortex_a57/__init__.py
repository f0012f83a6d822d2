"""The cost model of the paper's ARM core: fitted to its published times, tested out of sample."""
