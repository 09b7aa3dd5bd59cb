"""A web page on this computer: a photo in, the faces in it and their ages out."""
