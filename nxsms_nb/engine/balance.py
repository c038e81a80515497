"""The account's balance, queried from the vendor."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from nxsms_nb.engine.transport import Transport
from nxsms_nb.errors import QueryError
from nxsms_nb.wire.requests import BALANCE_PATH

if TYPE_CHECKING:
    from nxsms_nb.client import Client

__all__ = ["Balance", "ask_balance"]


@dataclass(frozen=True)
class Balance:
    """An account's balance.

    Parameters
    ----------
    amount : Decimal
        What it holds, in the account's currency.
    credit : Decimal
        What it may be overdrawn by.
    """

    amount: Decimal
    credit: Decimal


async def ask_balance(client: Client) -> Balance:
    """Query the balance, once. A plan is no reason to wait for a query that was asked too often.

    Source: the vendor's page on the balance; its amounts are text.
    """
    async with Transport(client) as transport:
        reply = await transport.query(BALANCE_PATH, {})
    code = str(reply.get("code"))
    if code != "0":
        why = {"2": "the application's key pair was refused (2)", "5": "it was asked too often (5)"}.get(code)
        raise QueryError(f"the balance query failed: {why or 'the gateway refused it'}")
    amount, credit = _amount(reply.get("balance")), _amount(reply.get("credit_balance"))
    if amount is None:
        raise QueryError("the reply to the balance query has no amount")
    return Balance(amount, credit or Decimal(0))


def _amount(value: Any) -> Decimal | None:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or len(str(value)) > 40:
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
