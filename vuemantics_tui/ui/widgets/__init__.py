"""The widgets, one file each. They show; they hold no truth of their own."""
