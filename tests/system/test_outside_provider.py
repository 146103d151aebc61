"""A provider of another distribution, installed beside paygate, is paid with like any other."""

import shutil
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_core import from_json, to_json

from tests.support.client import FrontEnd, assert_unbroken, front_end, statuses
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "voucher"


class Office(BaseHTTPRequestHandler):
    """The voucher office of the example."""

    vouchers: dict[str, dict[str, Any]]
    address: str

    def do_POST(self) -> None:
        """Make a voucher, use it, make it useless, make it whole again."""
        match self.path.strip("/").split("/"):
            case ["vouchers"]:
                told = from_json(self.rfile.read(int(self.headers["content-length"])))
                page = f"{self.address}/use/{told['id']}"
                self._answer(self.vouchers.setdefault(told["id"], {**told, "state": "open", "page": page}))
            case ["use", voucher]:
                self._change(voucher, "used")
            case ["vouchers", voucher, "void" | "return"]:
                self._change(voucher, "void")

    def do_GET(self) -> None:
        """Where a voucher stands."""
        self._answer(self.vouchers.get(self.path.rpartition("/")[2]))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _change(self, voucher: str, state: str) -> None:
        self.vouchers[voucher]["state"] = state
        self._answer(self.vouchers[voucher])

    def _answer(self, voucher: dict[str, Any] | None) -> None:
        body = to_json(voucher or {})
        self.send_response(200 if voucher else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def office() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Office) as server:
        Office.vouchers, Office.address = {}, f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield Office.address
        finally:
            server.shutdown()
            serving.join()


def installed(folder: Path) -> Path:
    """What an installer would make of the example."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copy(EXAMPLE / "voucher.py", folder)
    described = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    described.mkdir()
    described.joinpath("METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    ]
    described.joinpath("entry_points.txt").write_text("\n".join(groups))
    return folder


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    packages = installed(tmp_path_factory.mktemp("site"))
    environment = {"PYTHONPATH": str(packages), "PAYGATE_PROVIDERS": '["sandbox", "voucher"]'}
    with (
        office() as url,
        running_stack(tmp_path_factory.mktemp("outside"), PAYGATE_VOUCHER_URL=url, **environment) as running,
    ):
        yield running


@pytest.fixture
async def client(stack: Stack) -> Any:
    async with front_end(stack) as connected:
        yield connected


VOUCHER = {"redirect": {"provider": "voucher"}}


async def test_it_is_paid_with_and_given_back(client: FrontEnd) -> None:
    answer = await client.initiate(method=VOUCHER, waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    payment_id = answer["payment"]["id"]
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as customer:
        await customer.post(answer["payment"]["action"]["url"])
    values = await client.watch(payment_id)
    assert statuses(values) == ["INITIATED", "PROCESSING", "REQUIRES_ACTION", "PROCESSING", "SUCCEEDED"]
    assert_unbroken(values)
    part = await client.run("refundPayment", paymentId=payment_id, idempotencyKey="part", amount=1)
    assert part["__typename"] == "PaymentCommandAccepted"

    async def given_back() -> bool:
        # A part is refused by the office; when that has been recorded, all of it can go back.
        await client.run("refundPayment", paymentId=payment_id, idempotencyKey="all", amount=4999)
        return bool((await client.payment(payment_id))["status"] == "REFUNDED")

    await eventually(given_back, what="REFUNDED")


async def test_what_it_does_not_offer_is_refused_by_field(client: FrontEnd) -> None:
    for field, value in {"currency": "USD", "amount": 1, "capture": "MANUAL"}.items():
        change = {field: value}
        answer = await client.initiate(method=VOUCHER, **change)
        assert (answer["__typename"], answer["field"]) == ("InvalidInput", field)
