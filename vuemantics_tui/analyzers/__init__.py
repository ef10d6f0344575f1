"""Analyzers: pictures to words, words to vectors."""
