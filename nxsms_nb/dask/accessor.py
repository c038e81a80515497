"""``ddf.nxsms``: one-line methods over functions, as on a pandas frame."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Unpack

from nxsms_nb.arguments import Names, strict_methods
from nxsms_nb.dask import sending
from nxsms_nb.settings import COLUMNS, SENDING, Sending, spelled_out

if TYPE_CHECKING:
    from nxsms_nb.client import Client


@strict_methods(but=("send",))
class NxsmsDaskAccessor(Names):
    """Check a Dask frame of recipients, send it, and look at the results.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        The frame.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    @spelled_out(SENDING, COLUMNS)
    def send(self, client: Client | None = None, *, to: str | PathLike[str], **given: Unpack[Sending]) -> Any:
        """Send the frame, and return it with a result for each row.

        Parameters
        ----------
        client : Client, optional
            The account. None: `Client.from_env`.
        to : path-like
            The folder for the results, one Parquet file for each partition: a new one, or that of an earlier call of this kind.
        {options}

        Returns
        -------
        dask.dataframe.DataFrame
            ``dd.read_parquet(to)``.
        """
        return sending.send(self._frame, client, to, given)
