"""What looks at a machine, or sets up what stands in for one."""
