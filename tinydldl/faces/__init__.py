"""Faces in photos: found by MTCNN, built of the layers here, and aligned by their landmarks.

For example:

    image = images.open_photo("photo.jpg")
    face = detect(image)[0]
    crop = align(image, face.landmarks, side=224)
"""

from tinydldl.faces.align import SHAPES, align, likeness
from tinydldl.faces.detector import Face, detect, face_in
