"""Codemods for TF1's recurrent code: one command a file, each with a DESCRIPTION."""
