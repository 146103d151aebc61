"""The file of trusted documents: a wrong one stops the start and names the document."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.limits import Limits
from app.settings import Settings, SettingsError
from app.wiring.gateway import executor_of
from schema.build import build_schema
from schema.manifest import UnusableManifest, trusted_texts
from schema.trusted import hash_of

SCHEMA = build_schema(introspection=False)
QUERY = "query One($id: ID!) { payment(id: $id) { status } }"
WATCH = "subscription($id: ID!) { paymentStatus(id: $id) { status } }"
TEXTS = {hash_of(text): text for text in (QUERY, WATCH)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "documents.json"


def apollo(*operations: Any, **changes: Any) -> dict[str, Any]:
    return {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": list(operations),
        **changes,
    }


def operation(text: str) -> dict[str, str]:
    return {"id": hash_of(text), "name": "One", "type": "query", "body": text}


@pytest.mark.parametrize("written", [TEXTS, apollo(operation(QUERY), operation(WATCH))], ids=["plain", "apollo"])
def test_both_forms_of_the_file_are_read(file: Path, written: dict[str, Any]) -> None:
    file.write_text(json.dumps(written))
    assert trusted_texts(file, SCHEMA) == TEXTS


def complaint(file: Path, written: object) -> str:
    file.write_text(written if isinstance(written, str) else json.dumps(written))
    with pytest.raises(UnusableManifest) as wrong:
        trusted_texts(file, SCHEMA)
    return str(wrong.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "Syntax Error"),
        ("", "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing'"),
        ("fragment F on Query { __typename }", "never used"),
        ("{ __schema { description } }", "introspection"),
        ("{ payments { nodes { " + " ".join(f"a{n}: status" for n in range(200)) + " } } }", "would cost"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(16)) + " }", "aliases"),
        ("{ ...F } fragment F on Query { ...F }", "Cannot spread fragment"),
        ("{ " * 400 + "}" * 400, "Syntax Error"),
    ],
)
def test_a_document_that_could_not_run_is_named_with_its_fault(file: Path, text: str, fault: str) -> None:
    said = complaint(file, TEXTS | {hash_of(text): text})
    assert said.startswith(f"document {hash_of(text)}: ")
    assert fault in said


@pytest.mark.parametrize("written", [{"e3b0": QUERY}, apollo({"id": "e3b0", "body": QUERY})], ids=["plain", "apollo"])
def test_a_document_under_another_name_than_its_hash_is_named_with_its_hash(
    file: Path, written: dict[str, Any]
) -> None:
    said = complaint(file, written)
    assert "document e3b0" in said
    assert hash_of(QUERY) in said


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("nonsense", "is not JSON"),
        ('{"e3b0": "\\ud800"}', "is not JSON"),
        ("[]", "takes a JSON object"),
        ("{}", "holds no document"),
        ({"e3b0": 1}, "document e3b0: takes the text"),
        ({"format": "relay"}, "format: takes apollo-persisted-query-manifest"),
        (apollo(), "holds no document"),
        (apollo(operations=None), "operations: takes a list"),
        (apollo(operation(QUERY), {"body": QUERY}), "operations[1]: takes an id and a body"),
        (apollo("nonsense"), "operations[0]: takes an id and a body"),
        (apollo({"id": "e3b0"}), "document e3b0: takes the text"),
    ],
)
def test_a_file_of_another_form_is_refused(file: Path, written: object, fault: str) -> None:
    assert fault in complaint(file, written)


def test_a_gateway_does_not_start_with_a_wrong_file_and_says_which_variable_names_it(file: Path) -> None:
    settings = Settings(trusted_documents=file)
    with pytest.raises(SettingsError) as missing:
        executor_of(settings, Limits())
    assert str(missing.value) == f"PAYGATE_TRUSTED_DOCUMENTS: {file}: No such file or directory"
    file.write_text(json.dumps({hash_of("{"): "{"}))
    with pytest.raises(SettingsError, match=f"^PAYGATE_TRUSTED_DOCUMENTS: document {hash_of('{')}: "):
        executor_of(settings, Limits())
