"""The record of a run: its parts, and what they must fulfil."""
