"""The normal form: polynomials in atoms with linear maps as coefficients, and the way there and back."""
