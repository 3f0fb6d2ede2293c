"""A model behind HTTP: images and records in, boxes out, for the viewer and for programs.

``app.py`` is the server on one page; ``guard.py`` is what every request passes first. What a request gets wrong is
`mdfnet.services.serve.refusals.Refused` at any depth, and answered as that; what the server's own files get wrong is a
`UserError`, before it listens. Needs Linux and the extra ``serve``.
"""
