"""What a library knows, in formats that other programs read."""
