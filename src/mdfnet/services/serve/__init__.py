"""A model behind HTTP: images and records in, boxes out, for the viewer and for programs.

``app.py`` is the server on one page; ``guard.py`` is what every request passes first. Needs Linux and the extra
``serve``.
"""
