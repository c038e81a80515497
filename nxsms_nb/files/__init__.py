"""Files of recipients: read by the chunk, sent as a stream, written as results."""

__all__ = ["sending"]
