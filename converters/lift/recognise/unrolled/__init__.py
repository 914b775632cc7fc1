"""Unrolled steps rolled up again."""
