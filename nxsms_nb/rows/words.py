"""Words next to a number that decide whether a message may be sent to it, in short tables that can be extended."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nxsms_nb._arrow import TEXT, as_mask
from nxsms_nb.rows.folding import folded

Mask = npt.NDArray[np.bool_]

# Whole words, in any case; a blank matches any white space, dot, dash or nothing.
_DO_NOT_USE: Final = (
    # English
    "dnd|dnc|do not|don'?t|not|never|stop|stopp?ed|opt out|opted out|out out|unsubscribed?|wrong|invalid|incorrect|fax|telefax"
    "|blocked|block|blacklist(?:ed)?|deceased|dead|inactive|disconnected|out of service|no sms|no texts?|no contact"
    # German
    "|gesperrt|sperre|abgemeldet|abbestellt|widerrufen|verstorben|falsch|falsche|kein|keine|keinen|nicht|nie|ungültig|ungueltig"
    "|gekündigt|stopp"
    # Spanish and Portuguese
    "|no enviar|no llamar|no contactar|no molestar|baja|dado de baja|fallecid[oa]|equivocado|erróneo|erroneo|incorrecto"
    "|bloqueado|inválido|não|nao|sair|cancelado|falecid[oa]|errado"
    # French and Italian
    "|non|pas|ne pas|désinscrite?|désabonnée?|résilié|décédée?|faux|erroné|bloqué|disdetto|disiscritto|decedut[oa]|errato"
    "|sbagliato|bloccato"
    # Dutch, Polish, Turkish, Russian
    "|niet|geen|afgemeld|overleden|verkeerd|nie wysyłać|błędny|wypisany|yanlış|iptal|не|стоп|неверный|отписался|умер|умерла"
)
_DO_NOT_USE_UNSPACED: Final = (
    "停机|停機|拒收|拒绝|拒絕|空号|空號|退订|退訂|勿|不要|错误|錯誤|错号|錯號|无效|無効|無效|注销|註銷|去世|已故|黑名单|黑名單|传真|傳真"
    "|停止|拒否|解約|死亡|수신거부|거부|해지|결번|사망"
)
_OTHER: Final = (
    "ean|gtin|isbn|sku|art nr|artikel|re nr|rg nr|rechnung|rechnungsnummer|invoice|inv|p iva|partita iva|codice fiscale|vat|vat id|ust id|ust idnr"
    "|steuer|steuernummer|tax|tax id|tin|cpf|cnpj|cuit|cuil|rfc|nif|dni|ssn|iban|bic|konto|kontonummer|account|acct|kunde|kd nr|kdnr"
    "|kunden nr|kundennummer|customer|cliente|client|order|bestellung|bestell nr|auftrag|auftrags nr|pedido|ordine|commande|factura|fattura"
    "|facture|plz|zip|postcode|postal code|code postal|ref|reference|referenz|aktenzeichen|az|geb|geburtsdatum|dob|birthday|date|datum|fecha"
    "|data|siret|siren|krs|nip|pesel|инн"
)
_OTHER_UNSPACED: Final = "订单|訂單|身份证|身份證|邮编|郵編|编号|編號|工号|注文|郵便"
_PHONE: Final = (
    r"(?i)(?:^|[^\pL])(?:tel\pL*|téléphone|mob\pL*|móvil|handy|phone|fon|cell\pL*|cel|gsm|sms|whatsapp|wa|тел\pL*|моб\pL*)(?:[^\pL]|$)"
    r"|手机|手機|电话|電話|携帯|휴대"
)
_UNITS: Final = (
    "uhr|h|hrs?|std|stunden|hours?|heures?|horas?|ore|am|pm|a\\.m|p\\.m|o'?clock|min|tage?|days?|jahre?|years?|j|mal|x|times|stück|stk|pcs|kg|eur"
    "|usd|chf|gbp|euro|%|€|\\$|£|etage|floor|点|點|时|時|시|час\\pL*|ч"
)


def _pattern(words: str, unspaced: str) -> str:
    spaced = words.replace(" ", r"[\s.\-]*")
    return rf"(?i)(?:^|[^\pL\pM])({spaced})(?:[^\pL\pM]|$)|({unspaced})"


DO_NOT_USE: Final = _pattern(_DO_NOT_USE, _DO_NOT_USE_UNSPACED)
"""Words for a person who wants no message or cannot be reached there: opted out, dead, wrong number, a fax."""

ANOTHER_KIND: Final = _pattern(_OTHER, _OTHER_UNSPACED)
"""Words for a number that is a key, an amount or a date, unless another word says that it is a phone."""

# With 6 digits in front; a pair of digits that belongs to the number has no unit behind it.
_COUNTED: Final = (
    rf"(?i)(?:[0-9][^0-9]*){{6}}[ ,;(\[{{/\-][0-9]{{1,2}}(?:[:.][0-9]{{2}})?(?: ?-)? ?(?:{_UNITS})(?:[^\pL]|$)"
    r"|(?:[0-9][^0-9(\[{]*){6,}[(\[{][^)\]}]*[0-9][^)\]}0-9]*[\pL\p{So}]"
)


def not_to_be_used(text: pa.Array) -> Mask:
    """Return which texts say that no message may be sent to their number."""
    return as_mask(pc.match_substring_regex(text, DO_NOT_USE))


def of_another_kind(text: pa.Array) -> Mask:
    """Return which texts say that their number is not a phone."""
    return as_mask(pc.match_substring_regex(text, ANOTHER_KIND)) & ~as_mask(pc.match_substring_regex(text, _PHONE))


def counted(text: pa.Array) -> Mask:
    """Return which texts have digits with a unit, or a remark with digits in parentheses, behind the number: 9-17 Uhr."""
    return as_mask(pc.match_substring_regex(text, _COUNTED))


def word_of(text: pa.Array) -> pa.Array:
    """Return the word because of which a text is not read as a phone; null if there is none."""
    text = folded(text.fill_null(""))
    found = []
    for pattern in (DO_NOT_USE, ANOTHER_KIND):
        word = pc.replace_substring_regex(text, rf"(?s)^.*?(?:{pattern}).*$", r"\1\2")
        found.append(pc.if_else(pc.match_substring_regex(text, pattern), word, pa.scalar(None, TEXT)))
    return pc.coalesce(*found)
