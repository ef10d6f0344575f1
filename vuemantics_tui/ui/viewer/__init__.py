"""The viewer: one picture as large as the window."""
