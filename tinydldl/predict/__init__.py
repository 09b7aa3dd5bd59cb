"""`python -m tinydldl.predict`: from photos to ages."""
