"""Send a pandas frame as SMS through NXCloud, once, and get the result of each row.

``import nxsms_nb as nx`` registers ``df.nxsms`` and loads nothing heavy: everything else is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import lazy_loader
import pandas as pd

from nxsms_nb.calls import apart as _apart
from nxsms_nb.errors import no_attribute

if TYPE_CHECKING:
    from nxsms_nb.accessor import NxsmsAccessor

# The public names are listed once, in __init__.pyi, which type checkers read as well.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version(__name__)
    if name not in __all__:
        raise no_attribute(f"module {__name__!r}", name, __all__)
    # In another thread: an interrupt in the middle of an import is lost, or leaves the module half loaded.
    return _apart(_load, name)


@pd.api.extensions.register_dataframe_accessor("nxsms")
def _accessor(frame: pd.DataFrame) -> NxsmsAccessor:
    """Load the accessor when it is first used: it needs most of the package."""
    accessor: NxsmsAccessor = _apart(import_module, "nxsms_nb.accessor").NxsmsAccessor(frame)
    return accessor
