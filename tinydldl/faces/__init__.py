"""Faces in photos: found by MTCNN, built of the layers here, and aligned by their landmarks.

networks      P-Net, R-Net and O-Net, and their trained weights
boxes         overlap, non-maximum suppression, box regression
detector      the three networks one after the other: boxes and five landmarks
align         the similarity transform that brings the landmarks to their places

    image = images.open_photo("photo.jpg")
    face = detect(image)[0]
    crop = align(image, face.landmarks, side=224)
"""

from tinydldl.faces.align import SHAPES, align, likeness
from tinydldl.faces.detector import Face, detect, face_in
