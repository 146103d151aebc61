"""Where credentials come from: the headers of a request, or the payload of a socket's `connection_init`."""

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from app.access.model import Unauthenticated

_MOST_CHARACTERS = 8 * 1024
HOW_TO = "send Authorization: Bearer followed by an API key, a token or a client secret"


def credential_in(given: object) -> SecretStr | None:
    """The one credential in headers or a payload, `None` when there is none; raises `Unauthenticated`.

    Both take `authorization` (in any case) with `Bearer …`; a payload may have a bare `clientSecret` instead.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise Unauthenticated("the payload is not an object")
    credentials = list(_credentials(given))
    if len(credentials) > 1:
        raise Unauthenticated("there is more than one credential: send one")
    return credentials[0] if credentials else None


def _credentials(given: Mapping[object, object]) -> Iterator[SecretStr]:
    # Headers give their items as they came, so that a header sent twice is seen twice.
    for name, value in given.items():
        if value is None or not isinstance(name, str):
            continue
        if name.lower() == "authorization":
            yield _checked(name, _bearer(value))
        elif name == "clientSecret":
            yield _checked(name, value)


def _bearer(value: object) -> object:
    if not isinstance(value, str):
        return value
    scheme, _, credential = value.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated(f"the scheme is not Bearer: {HOW_TO}")
    return credential.strip()


def _checked(name: str, value: object) -> SecretStr:
    if not isinstance(value, str):
        raise Unauthenticated(f"{name}: takes a string")
    if not value:
        raise Unauthenticated(f"{name}: is empty: {HOW_TO}")
    if len(value) > _MOST_CHARACTERS:
        raise Unauthenticated(f"{name}: takes at most {_MOST_CHARACTERS} characters")
    if not all("!" <= character <= "~" for character in value):
        raise Unauthenticated(f"{name}: takes printable ASCII characters without spaces")
    return SecretStr(value)
