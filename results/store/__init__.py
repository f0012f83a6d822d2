"""Runs and other files on disk, written whole or not at all."""
