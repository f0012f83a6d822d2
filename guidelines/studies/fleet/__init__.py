"""What a fleet stands: many boards at once, and faults at random moments.

The boards are OpenSSH's servers on this machine, whose Python replays recorded times.
"""
