"""Finds TF1's recurrent API in source code: files, notebooks, Python 2."""
