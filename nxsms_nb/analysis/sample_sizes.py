"""How many people an experiment needs."""

from __future__ import annotations

import math

from nxsms_nb.analysis.assignment import is_number
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

__all__ = ["sample_size"]


def sample_size(base: float, lift: float, *, power: float = 0.8, level: float = 0.05, arms: int = 2) -> int:
    """Work out how many rows each arm needs, so that a true difference of `lift` is found with probability `power`.

    Parameters
    ----------
    base : float
        The rate of the control, for example 0.04.
    lift : float
        The smallest difference that matters, in absolute points: 0.02 is from 4% to 6%. Negative: a rate that falls.
    power : float, default 0.8
        The probability to find it.
    level : float, default 0.05
        The probability to find something where there is nothing.
    arms : int, default 2
        How many arms there are, the control included; each is compared with the control.

    Returns
    -------
    int
        Rows in each arm, the control included.

    Raises
    ------
    ConfigError
        A value that is not usable, or a rate outside 0 to 1.

    Notes
    -----
    For the two-sided pooled z-test that `compare` makes, at the end and once: Fleiss, Levin & Paik (2003), Statistical
    Methods for Rates and Proportions, 3rd ed., chapter 4. With more than two arms at ``level / (arms - 1)``, the
    first step of Holm's correction. To look at results while they come in, with ``sequential=True``, and keep the power, take
    1.75 times as many (simulated, 20 looks; with twice as many the power is 86%, and the difference is found after 1.2 times as
    many on average).

    Examples
    --------
    >>> import nxsms_nb as nx
    >>> nx.sample_size(0.04, 0.02)
    1863
    """
    from scipy.special import ndtri  # noqa: PLC0415 - heavy

    for name, value in {"base": base, "power": power, "level": level}.items():
        if not is_number(value) or not 0 < value < 1:
            raise ConfigError(f"{name}={named(value)} is not a share between 0 and 1, as in {name}={_EXAMPLES[name]}.")
    if not is_number(lift) or not lift:
        raise ConfigError(f"lift={named(lift)} is not a difference in points, as in lift=0.02 for 2 points more.")
    other = base + lift
    if not 0 < other < 1:
        raise ConfigError(
            f"base={named(base)} and lift={named(lift)} make a rate of {other:.3g}, which is not between 0 and 1. lift= is in "
            "absolute points: 0.02 is from 4% to 6%."
        )
    if not isinstance(arms, int) or isinstance(arms, bool) or arms < 2:
        raise ConfigError(f"arms={named(arms)} is not a number of arms, 2 or more, the control included.")
    if power <= level:
        raise ConfigError(f"power={named(power)} is not above level={named(level)}. Give more, as in power=0.8.")
    middle = (base + other) / 2
    z, z_power = ndtri(1 - level / (arms - 1) / 2), ndtri(power)
    spread = z * math.sqrt(2 * middle * (1 - middle)) + z_power * math.sqrt(base * (1 - base) + other * (1 - other))
    return math.ceil(float(spread / lift) ** 2)


_EXAMPLES = {"base": "0.04", "power": "0.8", "level": "0.05"}
