"""The file of trusted documents, checked at the start: what would be refused when it runs is refused before.

It is a JSON object from SHA-256 to text, or what Apollo's `generate-persisted-query-manifest` writes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import GraphQLError
from pydantic_core import from_json

from schema.build import PaymentSchema
from schema.documents import parsed
from schema.trusted import hash_of

_APOLLO = "apollo-persisted-query-manifest"


class UnusableManifest(ValueError):
    """The file is no manifest, or holds a document that could not run; the message names it."""


def trusted_texts(path: Path, schema: PaymentSchema) -> dict[str, str]:
    """The documents in a file by their hashes. Raises `UnusableManifest`."""
    try:
        written = from_json(path.read_bytes())
    except OSError as fault:
        raise UnusableManifest(f"{path}: {fault.strerror}") from None
    except ValueError:
        raise UnusableManifest(f"{path}: is not JSON") from None
    texts = dict(_entries(written))
    if not texts:
        raise UnusableManifest(f"{path}: holds no document")
    for digest, text in texts.items():
        _check(digest, text, schema)
    return texts


def _entries(written: Any) -> Iterator[tuple[str, str]]:
    """Each hash with its text, both strings."""
    if not isinstance(written, dict):
        raise UnusableManifest("takes a JSON object from SHA-256 to document, or Apollo's manifest")
    apollo = "format" in written
    for place, (digest, text) in enumerate(_apollo(written) if apollo else written.items()):
        if not isinstance(digest, str):
            raise UnusableManifest(f"operations[{place}]: takes an id and a body")
        if not isinstance(text, str):
            raise UnusableManifest(f"document {digest}: takes the text of a GraphQL document")
        yield digest, text


def _apollo(written: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if written["format"] != _APOLLO:
        raise UnusableManifest(f"format: takes {_APOLLO}")
    operations = written.get("operations")
    if not isinstance(operations, list):
        raise UnusableManifest("operations: takes a list")
    for operation in operations:
        entry = operation if isinstance(operation, dict) else {}
        yield entry.get("id"), entry.get("body")


def _check(digest: str, text: str, schema: PaymentSchema) -> None:
    if digest != hash_of(text):
        raise UnusableManifest(
            f"document {digest}: is named by something other than its text's SHA-256, {hash_of(text)}"
        )
    try:
        faults = schema.faults_of(parsed(text, schema.limits))
    except GraphQLError as fault:
        faults = [fault]
    if faults:
        raise UnusableManifest(f"document {digest}: {faults[0].message}")
