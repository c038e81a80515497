"""The views: pictures, tables, the progress panel, the dashboard, compose."""

import lazy_loader

# matplotlib and ipywidgets are loaded by what needs them; the names stand in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
