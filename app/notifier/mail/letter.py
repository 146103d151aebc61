"""A message as a mail."""

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.notifier.customers.text import Text
from app.notifier.port import Message

_layouts = Environment(
    loader=PackageLoader("app.notifier.customers", "wording"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def letter(message: Message, text: Text, sender: str, recipient: str) -> EmailMessage:
    """The same mail on every attempt, so that whoever gets it twice, by its Message-ID, can tell."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = text.title
    mail["Date"] = format_datetime(message.occurred_at)
    mail["Message-ID"] = f"<{message.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_plain(text))
    mail.add_alternative(_layouts.get_template("mail.html").render(text=text), subtype="html")
    mail["Content-Language"] = text.locale
    return mail


def _plain(text: Text) -> str:
    link = [f"{text.link_label}: {text.link}"] if text.link_label else []
    return "\n\n".join([*text.paragraphs, *link, f"-- \n{text.footer}"]) + "\n"
