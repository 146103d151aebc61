"""The merchant's account and what it is called by the feeds: all invented, and good for nothing elsewhere."""

from datetime import timedelta, timezone

NAME = "vietqr"
BANK = "970436"
ACCOUNT = "0011001234567"
SEPAY_SECRET = "sandbox-sepay-secret"  # noqa: S105 - invented, as all of these
SEPAY_TOKEN = "sandbox-sepay-token"  # noqa: S105
CASSO_KEY = "sandbox-casso-key"
CASSO_SECURE_TOKEN = "sandbox-casso-secure-token"  # noqa: S105
PAYOS_CLIENT_ID = "sandbox-payos-client"
PAYOS_API_KEY = "sandbox-payos-api-key"
PAYOS_CHECKSUM_KEY = "sandbox-payos-checksum-key"
VIETNAM = timezone(timedelta(hours=7))


def environment(sandbox_url: str) -> dict[str, str]:
    """The variables that point a paygate at this bank.

    With `PAYGATE_VIETQR_PAYOS_CLIENT_ID` and `PAYGATE_VIETQR_PAYOS_API_KEY` beside them, payOS makes the QR codes.
    """
    return {
        "PAYGATE_VIETQR_BANK": BANK,
        "PAYGATE_VIETQR_ACCOUNT": ACCOUNT,
        "PAYGATE_VIETQR_SEPAY_SECRET": SEPAY_SECRET,
        "PAYGATE_VIETQR_SEPAY_TOKEN": SEPAY_TOKEN,
        "PAYGATE_VIETQR_SEPAY_URL": f"{sandbox_url}/{NAME}/sepay/v2",
        "PAYGATE_VIETQR_CASSO_KEY": CASSO_KEY,
        "PAYGATE_VIETQR_CASSO_SECURE_TOKEN": CASSO_SECURE_TOKEN,
        "PAYGATE_VIETQR_PAYOS_CHECKSUM_KEY": PAYOS_CHECKSUM_KEY,
        "PAYGATE_VIETQR_PAYOS_URL": f"{sandbox_url}/{NAME}/payos",
    }
