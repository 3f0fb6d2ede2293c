"""Models at work: an HTTP server with the viewer, and a node beside a PACS."""
