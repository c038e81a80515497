"""The wire format: sign, build, parse, the code table. No I/O."""

__all__ = ["codes", "fields", "items", "receipts", "replies", "requests", "vendor_text"]
