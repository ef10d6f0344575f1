"""Measure the program against its peers."""
