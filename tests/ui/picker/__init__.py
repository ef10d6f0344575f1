"""Tests of the picker."""
