"""How those who are not connected are reached: what the gateway promises, and the notifier does."""

from ipaddress import ip_network

from app.destinations import LOOPBACK, Destinations
from app.notifier.mail.server import MailServer
from app.notifier.push.vapid import VapidKey
from app.settings import Profile, Settings, SettingsError


def push_key_of(settings: Settings) -> VapidKey | None:
    """The key of the push channel, if it is on; raises `SettingsError`."""
    if settings.push_private_key is None or settings.push_contact is None:
        return None
    try:
        return VapidKey.read(settings.push_private_key.get_secret_value(), settings.push_contact)
    except ValueError as fault:
        raise SettingsError(f"PAYGATE_PUSH_PRIVATE_KEY: {fault}") from None


def mail_server_of(settings: Settings) -> MailServer | None:
    """The mail server, if that channel is on; raises `SettingsError`."""
    if settings.smtp_url is None:
        return None
    try:
        return MailServer.read(settings.smtp_url.get_secret_value())
    except ValueError as fault:
        raise SettingsError(f"PAYGATE_SMTP_URL: {fault}") from None


def push_services_of(settings: Settings) -> Destinations:
    """Where browsers' push services may be: whoever watches a payment names one, so nowhere within."""
    return Destinations(LOOPBACK, http=True) if settings.profile is Profile.DEV else Destinations()


def destinations_of(settings: Settings) -> Destinations:
    """Where merchants' endpoints may be."""
    dev = settings.profile is Profile.DEV
    networks = tuple(ip_network(network) for network in settings.webhook_networks)
    return Destinations((*networks, *LOOPBACK) if dev else networks, http=dev)
