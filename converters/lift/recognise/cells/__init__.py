"""Which reference cell has this equation: patterns, unification, and the numeric check."""
