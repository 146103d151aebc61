"""Documents that the operator trusts: a client names one by the SHA-256 of its text instead of sending it.

There are two ways to name one: Apollo's `extensions.persistedQuery`, and `documentId` [GraphQL over HTTP, appendix
"Persisted Documents"]. Clients cannot add any: which there are is known at the start (see `schema.manifest`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from graphql import GraphQLError

_HASH = re.compile(r"[0-9a-f]{64}")
_PREFIX = "sha256:"
_BY_ID = "documentId"
_BY_EXTENSION = "extensions.persistedQuery"


class DocumentRefused(GraphQLError):
    """The request names no document that may run. `code` is for programs, `field` the member at fault."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(f"{field}: {message}", extensions={"code": code, "field": field})
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class _Name:
    hash: str
    field: str
    """Where the client has written it."""


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """The documents there are by their hashes, and whether there may be others."""

    texts: Mapping[str, str] = field(default_factory=dict)
    only: bool = False

    def document(self, query: str | None, extensions: Mapping[str, Any], document_id: str | None = None) -> str | None:
        """The text to run, None when the request has none and names none. Raises `DocumentRefused`."""
        name = _named(extensions, document_id)
        if name is None:
            if self.only:
                message = "this server runs trusted documents only; name one by its hash"
                raise DocumentRefused("PERSISTED_QUERY_REQUIRED", message, "query")
            return query
        if query is not None and hash_of(query) != name.hash:
            raise DocumentRefused("PERSISTED_QUERY_MISMATCH", "is not the SHA-256 of query", name.field)
        if name.hash in self.texts:
            return self.texts[name.hash]
        if query is not None and not self.only:
            return query
        if not self.texts:
            # Clients that know the code send the text from now on.
            message = "this server has no trusted documents; send query"
            raise DocumentRefused("PERSISTED_QUERY_NOT_SUPPORTED", message, name.field)
        raise DocumentRefused("PERSISTED_QUERY_NOT_FOUND", "there is no trusted document of this hash", name.field)


def names_document(extensions: Mapping[str, Any], document_id: str | None) -> bool:
    """Whether a request names a document, rightly or not."""
    return document_id is not None or extensions.get("persistedQuery") is not None


def hash_of(text: str) -> str:
    """The name of a document: the SHA-256 of its UTF-8 in lower-case hexadecimal."""
    return sha256(text.encode("utf-8")).hexdigest()


def _named(extensions: Mapping[str, Any], document_id: str | None) -> _Name | None:
    by_id, by_extension = _by_id(document_id), _by_extension(extensions.get("persistedQuery"))
    if by_id and by_extension and by_id.hash != by_extension.hash:
        raise DocumentRefused("INVALID_INPUT", f"names another document than {by_extension.field}", by_id.field)
    return by_id or by_extension


def _by_id(given: str | None) -> _Name | None:
    if given is None:
        return None
    digest = given.removeprefix(_PREFIX)
    if digest == given or not _HASH.fullmatch(digest):
        raise DocumentRefused("INVALID_INPUT", "takes sha256: and 64 lower-case hexadecimal digits", _BY_ID)
    return _Name(digest, _BY_ID)


def _by_extension(given: object) -> _Name | None:
    match given:
        case None:
            return None
        case {"version": 1, "sha256Hash": str(digest)} if _HASH.fullmatch(digest):
            return _Name(digest, f"{_BY_EXTENSION}.sha256Hash")
        case {"version": 1}:
            raise DocumentRefused(
                "INVALID_INPUT", "takes 64 lower-case hexadecimal digits", f"{_BY_EXTENSION}.sha256Hash"
            )
        case {**members}:
            fault = "takes 1" if "version" in members else "is missing; there is 1"
            raise DocumentRefused("INVALID_INPUT", fault, f"{_BY_EXTENSION}.version")
    raise DocumentRefused("INVALID_INPUT", "takes an object with version and sha256Hash", _BY_EXTENSION)
