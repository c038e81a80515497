"""A simulated NXCloud gateway on loopback, for practice, demos, notebooks and tests."""

from nxsms_nb.sandbox.facade import Sandbox, serve
from nxsms_nb.sandbox.failures import REALISTIC

__all__ = ["REALISTIC", "Sandbox", "serve"]
