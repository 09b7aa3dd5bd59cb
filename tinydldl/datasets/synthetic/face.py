"""Draw a face of a given age: somebody is made up, painted from back to front, and photographed.

`person.py` says who; `canvas.py` and `colors.py` are what it is painted with; `head.py`, `hair.py`,
`features.py` and `skin.py` each paint a part of the person; `photo.py` adds background and light.
"""

from tinydldl.datasets.synthetic.canvas import Canvas
from tinydldl.datasets.synthetic.features import paint_eyes, paint_glasses, paint_mouth, paint_nose
from tinydldl.datasets.synthetic.hair import paint_back_hair, paint_beard, paint_brows, paint_hair
from tinydldl.datasets.synthetic.head import head_outline, paint_body, paint_head
from tinydldl.datasets.synthetic.person import sample_person
from tinydldl.datasets.synthetic.photo import expose, paint_background
from tinydldl.datasets.synthetic.skin import (
    paint_crows_feet,
    paint_folds,
    paint_forehead,
    paint_sagging,
    paint_spots,
    skin_relief,
)


def draw_face(age, rng, side):
    """A face that is `age` years old (float, 1..95): an RGB image of `side` x `side` pixels.

    `rng` decides everything else. Each call takes the same number of draws from it, whatever the
    age and the side.
    """
    person = sample_person(age, rng)
    canvas = Canvas(side, rng)
    paint_background(canvas, rng)
    paint_back_hair(canvas, person)
    paint_body(canvas, person)
    paint_head(canvas, person)
    paint_spots(canvas, person, rng)
    paint_beard(canvas, person)
    paint_nose(canvas, person)
    paint_mouth(canvas, person)
    paint_forehead(canvas, person, rng)
    paint_folds(canvas, person)
    paint_sagging(canvas, person)
    paint_crows_feet(canvas, person)
    paint_eyes(canvas, person)
    paint_brows(canvas, person)
    paint_hair(canvas, person, rng)
    paint_glasses(canvas, person)
    relief = skin_relief(canvas.mask(head_outline(person)), person, rng)
    return expose(canvas.picture(), relief, rng)
