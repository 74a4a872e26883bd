"""Numbers that name a person or an account: cards, IBANs, national ids, IP addresses, phones.

Each is found by its own check sum or form, so that order numbers, prices, dates and times stay.
"""

from __future__ import annotations

import ipaddress
import re
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FEWEST_CARD, MOST_CARD = 13, 19
FEWEST_PHONE, MOST_PHONE = 7, 15
CONTEXT = 28  # signs before a number that can say what it is
_GAP = r"[ \u00a0\u2007\u2009\u202f.\-\u2010-\u2015]"

# Length of an IBAN by country (SWIFT IBAN registry, release 97).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

_DIGITS = re.compile(rf"(?<!\w)\d(?:{_GAP}?\d){{{FEWEST_CARD - 1},}}")
_IBAN = re.compile(rf"(?<![^\W_])[A-Za-z]{_GAP}?[A-Za-z]{_GAP}?\d{_GAP}?\d")


def passes_luhn(digits: str) -> bool:
    """Tell whether digits end in their Luhn check digit (ISO/IEC 7812-1).

    Example:
        >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
        (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def passes_iban(compact: str) -> bool:
    """Tell whether an IBAN without gaps has its country's length and remainder 1 (ISO 13616).

    Example:
        >>> passes_iban("GB82WEST12345698765432"), passes_iban("GB82WEST12345698765433")
        (True, False)
    """
    compact = compact.upper()
    if len(compact) != IBAN_LENGTHS.get(compact[:2]) or not compact.isascii():
        return False
    turned = compact[4:] + compact[:4]
    return turned.isalnum() and int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def passes_tax_id(digits: str) -> bool:
    """Tell whether eleven digits are a German tax id (ISO 7064 MOD 11,10; one digit repeats).

    Example:
        >>> passes_tax_id("86095742719"), passes_tax_id("86095742718")
        (True, False)
    """
    if digits[0] == "0" or not 8 <= len(set(digits[:10])) <= 9:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def _dni(text: str) -> bool:
    """Check the letter of a Spanish DNI or NIE."""
    plain = re.sub(r"\W", "", text).upper()
    number = plain[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _nir(text: str) -> bool:
    """Check the key of a French NIR; without a key the form decides."""
    plain = re.sub(r"\W", "", text).upper().replace("2A", "19").replace("2B", "18")
    return len(plain) == 13 or 97 - int(plain[:13]) % 97 == int(plain[13:])


def _tax_id(text: str) -> bool:
    return passes_tax_id(re.sub(r"\D", "", text))


def _any(_text: str) -> bool:
    return True


_ALONE, _END = r"(?<![\w.,-])", r"(?![\w-]|[.,]\d)"
_NATIONAL: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = tuple(
    (re.compile(_ALONE + form + _END, re.IGNORECASE), check)
    for form, check in (
        (r"(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}", _any),  # US SSN
        (r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _any),  # UK NINO
        (  # FR NIR, with its key or in its usual groups
            r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _nir,
        ),
        (r"[12] \d{2} (?:0[1-9]|1[0-2]|[2-9]\d) (?:\d{2}|2[AB]) \d{3} \d{3}", _nir),
        (r"(?:\d{8}|\d{2}\.\d{3}\.\d{3}|[XYZ][- ]?\d{7})[- ]?[A-Z]", _dni),  # ES DNI, NIE
        (  # IT codice fiscale, letters for digits where two people would share one
            r"[A-Z]{6} ?[\dLMNP-V]{2} ?[A-EHLMPRST] ?[\dLMNP-V]{2} ?[A-Z] ?[\dLMNP-V]{3} ?[A-Z]",
            _any,
        ),
        (r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _tax_id),  # DE Steuer-ID
    )
)  # fmt: skip
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:)[0-9A-Fa-f:.]{4,45}(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
_VERSION = re.compile(r"(?:\bv|version|release|build|firmware|ios|android|driver)\W*$", re.I)

_CANDIDATE = re.compile(
    r"(?<![\w.,/#@-])(?:\+ ?|00 ?)?\(?\+?\d(?:[\d ()/.\u00a0\u202f\-\u2010-\u2015]*\d)"
    r"(?![\w@%€$£]|[.,/:-]\d| ?(?:€|\$|£|EUR|USD|GBP|CHF|kr)\b| ?[€$£%])"
)
_CALLED = re.compile(
    r"(?:\b(?:tel|t[eé]l[eé]ph?one?|telefon\w*|tlf|phone|mobil\w*|m[oó]vil|handy\w*|cell\w*|call"
    r"|calling|fax|whats ?app|signal|sms|text me|ring|rufen?|anrufen|llam\w*|appel\w*|chiam\w*"
    r"|ligar|ligue|celular|telem[oó]vel|portable|cellulare|numer\w* di telefono|bel)\b)"
    r"[^\d\n]{0,16}$", re.IGNORECASE,
)  # fmt: skip
_NUMBERED = re.compile(
    r"(?:\b(?:order\w*|bestell\w*|pedido|encomenda|commande|ordine|invoice\w*|rechnung\w*|factur\w*"
    r"|fattura|fatura|ref\w*|ticket\w*|case|booking\w*|buchung\w*|reserv\w*|kunden\w*|customer"
    r"|client\w*|account|konto\w*|artikel\w*|article|item|sku|ean|isbn|product\w*|serial|serie\w*"
    r"|tracking|sendung\w*|parcel|paket\w*|suivi|shipment|vorgang\w*|vertrag\w*|contra\w*|policy"
    r"|plz|zip|postcode|id|nr|no|num|n[uú]mero|numéro|nummer|numero|code|batch|lot|model\w*)\b"
    r"\.?|#|№|n[°º])[^\d\n]{0,12}$", re.IGNORECASE,
)  # fmt: skip
_MONEY_BEFORE = re.compile(r"(?:[€$£¥]|\b(?:EUR|USD|GBP|CHF|kr|Rs))\.? ?$")
_DATE = (
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})"
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
)
_CLOCK = r"(?:\d{1,2}[.:]\d{2}(?:[.:]\d{2})?)"
_NO_PHONE = re.compile(
    rf"{_DATE}(?:[ T]{{1,2}}{_CLOCK}?)?\d{{0,2}}"  # a day, with the time or the hour behind it
    rf"|{_DATE}(?: ?[-–/] ?{_DATE})+"  # from day to day
    r"|(?:19|20)\d{2}(?: ?[-–/] ?(?:19|20)\d{2})+"  # from year to year
    r"|\d{1,3}(?:[ .\u00a0\u202f]\d{3})+(?:-)?"  # thousands in groups
    r"|\d+\.\d+|\d{1,4}(?: ?[-–/] ?\d{1,4})"  # a decimal number, a range, a fraction
)
_AMERICAN = re.compile(r"\(?[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}")
_NINE = re.compile(r"[6-9]\d{2} \d{3} (?!000)\d{3}|(?:[6-9]\d{2}|\d{2}) \d{2} \d{2} \d{2}")


def mask_cards(text: str) -> str:
    """Mask 13 to 19 digits in groups that end in their Luhn digit."""
    return _DIGITS.sub(_card, text)


def _card(match: re.Match[str]) -> str:
    """Look for a card among the groups of a longer run: an order number may stand before it."""
    run = match.group()
    groups = list(re.finditer(r"\d+", run))
    for first in range(len(groups)):
        for last in range(len(groups) - 1, first - 1, -1):
            start, end = groups[first].start(), groups[last].end()
            digits = re.sub(r"\D", "", run[start:end])
            fits = FEWEST_CARD <= len(digits) <= MOST_CARD and digits[0] != "0"
            if fits and len(set(digits)) > 1 and passes_luhn(digits):
                return f"{run[:start]}[card]{_card_rest(run[end:])}"
    return run


def _card_rest(text: str) -> str:
    return _DIGITS.sub(_card, text)


def mask_ibans(text: str) -> str:
    """Mask IBANs in any spacing and case by length and remainder, or where the text says IBAN."""
    told: list[str] = []
    mark = 0
    for match in _IBAN.finditer(text):
        if match.start() < mark:
            continue
        end = _iban_end(text, match.start())
        if end:
            told += [text[mark : match.start()], "[IBAN]"]
            mark = end
    return "".join([*told, text[mark:]]) if mark else text


def _iban_end(text: str, start: int) -> int:
    """Give the end of the IBAN that begins here, or 0."""
    plain = re.sub(r"[^A-Za-z]", "", text[start : start + 4])[:2].upper()
    length = IBAN_LENGTHS.get(plain, 0)
    signs, place = "", start
    while len(signs) < length and place < len(text):
        if text[place].isascii() and text[place].isalnum():
            signs += text[place]
        elif not re.match(_GAP, text[place]):
            return 0
        place += 1
    follows = text[place : place + 1]
    if not length or len(signs) < length or (follows.isalnum() and follows.isascii()):
        return 0
    named = re.search(r"iban\W{0,3}$", text[max(0, start - 8) : start], re.IGNORECASE)
    return place if passes_iban(signs) or named else 0


def mask_national_ids(text: str) -> str:
    """Mask social security, tax and identity numbers of the US, UK, France, Spain, Italy, Germany.

    Where a number has a check sum it must hold.
    """
    for form, check in _NATIONAL:
        text = form.sub(partial(_checked, check), text)
    return text


def _checked(check: Callable[[str], bool], found: re.Match[str]) -> str:
    return "[number]" if check(found.group()) else found.group()


def mask_addresses(text: str) -> str:
    """Mask IP and MAC addresses; versions such as ``v10.2.0.1`` stay."""
    text = _MAC.sub("[address]", text)
    text = _IPV4.sub(_address, text)
    return _IPV6.sub(_address, text) if text.count(":") > 1 else text


def _address(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 12) : match.start()]
    if _VERSION.search(before):
        return match.group()
    found = match.group().rstrip(".:") if "::" not in match.group()[-2:] else match.group()
    try:
        ipaddress.ip_address(found.split("/", maxsplit=1)[0])
    except ValueError:
        return match.group()
    return "[address]" + match.group()[len(found) :]


def mask_phones(text: str, *, region: str | None = None) -> str:
    """Mask phone numbers; order numbers, prices, dates and times stay.

    Args:
        text: A comment.
        region: Two-letter country whose own way of writing numbers counts too, or None.

    Returns:
        The text with ``[phone]`` for each number that reads as one.
    """

    def masked(match: re.Match[str]) -> str:
        written = match.group()
        before = match.string[max(0, match.start() - CONTEXT) : match.start()]
        known = _reads_as_phone(written, before) or _valid_phone(written, before, region)
        return "[phone]" if known else written

    return _CANDIDATE.sub(masked, text)


def _reads_as_phone(written: str, before: str) -> bool:
    """Decide by what stands before a number, then by how it is written."""
    digits = sum(sign.isdigit() for sign in written)
    plain = written.strip()
    if not 6 <= digits <= MOST_PHONE:
        return False
    if plain.startswith(("+", "(+")):
        return digits >= FEWEST_PHONE
    called = bool(_CALLED.search(before))
    nine = bool(_NINE.fullmatch(plain)) and not _NUMBERED.search(before)
    if (_NO_PHONE.fullmatch(plain) and not nine) or _MONEY_BEFORE.search(before):
        return called and not re.match(_DATE, plain)
    if called or _NUMBERED.search(before) or digits < FEWEST_PHONE:
        return called
    if plain.startswith(("0", "(0")):
        return digits >= 9 or not plain.isdigit()
    return nine or bool(_AMERICAN.fullmatch(plain))


def _valid_phone(written: str, before: str, region: str | None) -> bool:
    """Ask a country's numbering plan, where nothing says that the number is something else."""
    if not region or sum(sign.isdigit() for sign in written) < FEWEST_PHONE:
        return False
    if _NO_PHONE.fullmatch(written) or _NUMBERED.search(before) or _MONEY_BEFORE.search(before):
        return False
    from phonenumbers import Leniency, PhoneNumberMatcher

    return any(PhoneNumberMatcher(written, region.upper(), leniency=Leniency.VALID, max_tries=9))
