"""Turns Python packages into git repositories that code-search systems can index."""

__version__ = "0.1.0"
