"""Advice on a network: measured, published, and shown again."""
