"""Tests of the main screen, on a real library."""
