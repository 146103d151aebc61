"""A document is named by its hash, and nothing runs that the operator does not trust when only those may."""

from typing import Any

import pytest

from schema.trusted import DocumentRefused, TrustedDocuments, hash_of

TRUSTED, OTHER = "{ __typename }", "{ a: __typename }"
HASH, UNKNOWN = hash_of(TRUSTED), hash_of(OTHER)
HASH_FIELD, VERSION_FIELD = "extensions.persistedQuery.sha256Hash", "extensions.persistedQuery.version"

NONE = TrustedDocuments()
SOME = TrustedDocuments({HASH: TRUSTED})
ONLY = TrustedDocuments({HASH: TRUSTED}, only=True)
EVERY_MODE = pytest.mark.parametrize("documents", [NONE, SOME, ONLY])


def apollo(digest: object, version: object = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": digest}}


def refusal(documents: TrustedDocuments, *asked: Any) -> tuple[str, str]:
    with pytest.raises(DocumentRefused) as refused:
        documents.document(*asked)
    assert refused.value.message.startswith(f"{refused.value.field}: ")
    assert refused.value.extensions == {"code": refused.value.code, "field": refused.value.field}
    return refused.value.code, refused.value.field


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("{__typename}", "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"),
        ("query($id:ID!){user(id:$id){name}}", "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b"),
    ],
)
def test_the_hash_is_that_of_apollos_clients_and_of_the_specification(text: str, digest: str) -> None:
    assert hash_of(text) == digest


@pytest.mark.parametrize("documents", [SOME, ONLY])
@pytest.mark.parametrize(
    ("query", "extensions", "document_id"),
    [
        (None, apollo(HASH), None),
        (None, {}, f"sha256:{HASH}"),
        (None, apollo(HASH), f"sha256:{HASH}"),
        (TRUSTED, apollo(HASH), None),
        (TRUSTED, {}, f"sha256:{HASH}"),
    ],
)
def test_a_trusted_document_is_found_by_its_hash_in_either_form(
    documents: TrustedDocuments, query: str | None, extensions: dict[str, Any], document_id: str | None
) -> None:
    assert documents.document(query, extensions, document_id) == TRUSTED


@pytest.mark.parametrize("documents", [NONE, SOME])
@pytest.mark.parametrize("extensions", [{}, {"persistedQuery": None}, apollo(UNKNOWN)])
def test_where_others_may_run_too_a_text_that_is_sent_is_run(
    documents: TrustedDocuments, extensions: dict[str, Any]
) -> None:
    assert documents.document(OTHER, extensions) == OTHER
    # It is not kept: nobody adds a document by sending it.
    with pytest.raises(DocumentRefused):
        documents.document(None, apollo(UNKNOWN))


@pytest.mark.parametrize("text", [TRUSTED, OTHER, "{", None])
def test_where_only_trusted_ones_may_run_a_request_has_to_name_one(text: str | None) -> None:
    assert refusal(ONLY, text, {}) == ("PERSISTED_QUERY_REQUIRED", "query")


def test_where_only_trusted_ones_may_run_a_text_is_not_made_one_by_its_hash() -> None:
    assert refusal(ONLY, OTHER, apollo(UNKNOWN)) == ("PERSISTED_QUERY_NOT_FOUND", HASH_FIELD)


@pytest.mark.parametrize("documents", [SOME, ONLY])
def test_an_unknown_hash_is_not_found(documents: TrustedDocuments) -> None:
    assert refusal(documents, None, apollo(UNKNOWN)) == ("PERSISTED_QUERY_NOT_FOUND", HASH_FIELD)
    assert refusal(documents, None, {}, f"sha256:{UNKNOWN}") == ("PERSISTED_QUERY_NOT_FOUND", "documentId")


def test_where_there_are_none_clients_are_told_to_send_the_text() -> None:
    assert refusal(NONE, None, apollo(HASH)) == ("PERSISTED_QUERY_NOT_SUPPORTED", HASH_FIELD)


@EVERY_MODE
def test_a_hash_of_another_text_than_the_one_sent_is_refused(documents: TrustedDocuments) -> None:
    assert refusal(documents, OTHER, apollo(HASH)) == ("PERSISTED_QUERY_MISMATCH", HASH_FIELD)
    assert refusal(documents, OTHER, {}, f"sha256:{HASH}") == ("PERSISTED_QUERY_MISMATCH", "documentId")


@EVERY_MODE
def test_two_names_for_different_documents_are_refused(documents: TrustedDocuments) -> None:
    assert refusal(documents, None, apollo(HASH), f"sha256:{UNKNOWN}") == ("INVALID_INPUT", "documentId")


@EVERY_MODE
@pytest.mark.parametrize(
    ("extensions", "document_id", "field"),
    [
        ({"persistedQuery": HASH}, None, "extensions.persistedQuery"),
        ({"persistedQuery": []}, None, "extensions.persistedQuery"),
        ({"persistedQuery": {}}, None, VERSION_FIELD),
        (apollo(HASH, version=2), None, VERSION_FIELD),
        (apollo(HASH, version="1"), None, VERSION_FIELD),
        ({"persistedQuery": {"version": 1}}, None, HASH_FIELD),
        (apollo(None), None, HASH_FIELD),
        (apollo(HASH.upper()), None, HASH_FIELD),
        (apollo(f"{HASH}\n"), None, HASH_FIELD),
        (apollo("e3b0"), None, HASH_FIELD),
        ({}, HASH, "documentId"),
        ({}, "sha256:", "documentId"),
        ({}, f"md5:{HASH}", "documentId"),
        ({}, "", "documentId"),
    ],
)
def test_a_name_of_the_wrong_form_is_refused_with_its_field(
    documents: TrustedDocuments, extensions: dict[str, Any], document_id: str | None, field: str
) -> None:
    assert refusal(documents, None, extensions, document_id) == ("INVALID_INPUT", field)
