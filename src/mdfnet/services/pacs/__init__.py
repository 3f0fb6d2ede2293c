"""Out to the hospital's archive and in from it: what was found as DICOM objects, and the node that reports.

What the config, an image's header or a file of the node's own gets wrong is a `UserError`. What an archive or another
server does not answer is `Unreachable` or `Rejected`, see `mdfnet.services.pacs.archive`.
"""
