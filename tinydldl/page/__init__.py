"""A web page on this computer alone: a photo in, the faces in it and their ages out.

estimate      the bytes of a photo as what the page shows of it
document      the page: page.html with page.css, and with page.js and drawings.js, in one piece
server        who may ask, for what, and how much at a time
"""

from tinydldl.page.estimate import Choice
from tinydldl.page.server import ADDRESS, Server, ServerError

__all__ = ["ADDRESS", "Choice", "Server", "ServerError"]
