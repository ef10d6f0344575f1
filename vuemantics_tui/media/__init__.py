"""Pixels and containers: bytes in, bytes out. Knows no library, no SQL, no screen.

Every entry point is a plain function of picklable arguments, so that it can run in a process of the pool.
"""
