"""``python -m mdfnet`` is ``mdfnet``."""

from mdfnet.cli import main

main()
