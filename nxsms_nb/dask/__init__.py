"""``import nxsms_nb.dask`` registers ``ddf.nxsms`` on Dask frames: the cluster computes, one process sends."""

from __future__ import annotations

__all__ = ["accessor"]

try:
    from dask.dataframe.extensions import register_dataframe_accessor

    from nxsms_nb.dask.accessor import NxsmsDaskAccessor
except ImportError as error:
    if (error.name or "").partition(".")[0] != "dask":
        raise
    raise ImportError('nxsms_nb.dask needs Dask, which is not installed: pip install "nxsms_nb[dask]"') from error

register_dataframe_accessor("nxsms")(NxsmsDaskAccessor)
