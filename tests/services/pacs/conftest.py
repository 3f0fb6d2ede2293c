"""What the tests of the archive share."""

from archived_films import archived_film  # noqa: F401
