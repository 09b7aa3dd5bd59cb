"""`python -m tinydldl.predict`: from photos to ages.

inputs        the photos that a user names, and the faces in them
many          photo after photo, or many at once
portraits     a face as a network sees it, and its age
pictures      the faces of a photo and their distributions
"""
