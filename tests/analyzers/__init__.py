"""Tests of what describes and embeds."""
