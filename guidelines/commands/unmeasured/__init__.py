"""What is known of experiments and networks without measuring them."""
