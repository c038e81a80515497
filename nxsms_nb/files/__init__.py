"""Files of recipients: read in chunks, sent as a stream, written with their results."""

__all__ = ["sending"]
