"""The work of the verbs, each in the thread of its call: options, lock, dispatch, sending and settling."""

import lazy_loader

# Loaded by the first verb: a frame that is only looked at needs neither aiohttp nor a journal. Names stand in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
