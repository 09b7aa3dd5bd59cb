"""A web page on this computer alone: a photo in, the faces in it and their ages out.

estimate      the bytes of a photo as what the page shows of it
document      the page: page.html with page.css, and with page.js and drawings.js, in one piece
connections   how much is taken at a time: connections, bytes, seconds
server        who may ask, and for what
"""

from tinydldl.app.estimate import Choice
from tinydldl.app.server import ADDRESS, Server
