"""Only read by the type checker: the public names and their types."""
