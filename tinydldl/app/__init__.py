"""A web page on this computer: a photo in, the faces in it and their ages out.

estimate      from the bytes of a photo to what the page shows
server        who may ask, and for what; the page: page.html, page.css, page.js, drawings.js
"""

from tinydldl.app.estimate import Choice
from tinydldl.app.server import ADDRESS, Application, open_server
