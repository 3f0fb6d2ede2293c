"""What the tests of the archive share."""

from archived_images import archived_image  # noqa: F401
