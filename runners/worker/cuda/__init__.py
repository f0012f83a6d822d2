"""What runtimes on NVIDIA's cards share: driver, events, clocks, errors."""
