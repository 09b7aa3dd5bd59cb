"""Draw a face of a given age: somebody is made up, painted from back to front, and photographed.

`person.py` says who; `canvas.py` and `colors.py` are what it is painted with; `head.py`, `hair.py`,
`features.py` and `skin.py` each paint a part of the person; `photo.py` adds background and light.
"""

from PIL import Image

from tinydldl.arrays import Rng
from tinydldl.datasets.synthetic import features, hair, head, skin
from tinydldl.datasets.synthetic.canvas import Canvas
from tinydldl.datasets.synthetic.person import sample_person
from tinydldl.datasets.synthetic.photo import expose, paint_background


def draw_face(age: float, rng: Rng, side: int) -> Image.Image:
    """A face that is `age` years old (float, 1..95): an RGB image of `side` x `side` pixels.

    `rng` decides everything else. Each call takes the same number of draws from it, whatever the
    age and the side.
    """
    person = sample_person(age, rng)
    canvas = Canvas(side, rng)
    paint_background(canvas, rng)
    hair.paint_back_hair(canvas, person)
    head.paint_body(canvas, person)
    head.paint_head(canvas, person)
    skin.paint_spots(canvas, person, rng)
    hair.paint_beard(canvas, person)
    features.paint_nose(canvas, person)
    features.paint_mouth(canvas, person)
    skin.paint_forehead(canvas, person, rng)
    skin.paint_folds(canvas, person)
    skin.paint_sagging(canvas, person)
    skin.paint_crows_feet(canvas, person)
    features.paint_eyes(canvas, person)
    hair.paint_brows(canvas, person)
    hair.paint_hair(canvas, person, rng)
    features.paint_glasses(canvas, person)
    relief = skin.skin_relief(canvas.mask(head.head_outline(person)), person, rng)
    return expose(canvas.picture(), relief, rng)
