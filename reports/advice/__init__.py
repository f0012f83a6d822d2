"""What advice says: findings, the bar of the network, and platforms side by side."""
