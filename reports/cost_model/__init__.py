"""What a calibration of a board's cost model says."""
