"""The work of the verbs, each in the thread of its call: options, lock, dispatch, sending and settling."""

__all__ = ["looking", "receiving", "sending", "settling", "trying"]
