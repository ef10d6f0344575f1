"""Tests of the screens, on a real library."""
