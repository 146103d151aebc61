"""The simulated providers from behind: how much goes wrong there, and what their ledger says."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

_ANSWER_SECONDS = 60.0


@dataclass
class Account:
    """What moved for one payment: amounts in minor units, by operation and in order."""

    moved: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    currencies: set[str] = field(default_factory=set)

    @property
    def kept(self) -> int:
        """What was taken and not given back."""
        return sum(self.moved["capture"]) - sum(self.moved["refund"])

    @property
    def held(self) -> int:
        """What is held still: a capture ends the whole hold."""
        if self.moved["capture"]:
            return 0
        return sum(self.moved["authorize"]) - sum(self.moved["void"])


@dataclass(frozen=True)
class Providers:
    """All of them; `url` is the sandbox's address."""

    http: httpx.AsyncClient
    url: str

    async def let_go_wrong(self, share: float, seed: int) -> None:
        """Of all calls and notices so many, by chance."""
        answer = await self.http.post(f"{self.url}/faults", json={"share": share, "seed": seed})
        answer.raise_for_status()

    async def accounts(self) -> Mapping[str, Account]:
        """The whole ledger, by what the provider calls the payment."""
        answer = await self.http.get(f"{self.url}/ledger", timeout=_ANSWER_SECONDS)
        accounts: dict[str, Account] = defaultdict(Account)
        for movement in answer.raise_for_status().json():
            account = accounts[movement["reference"]]
            account.moved[movement["operation"]].append(movement["amount"])
            account.currencies.add(movement["currency"])
        return accounts

    async def record(self) -> tuple[int, Counter[str]]:
        """How many calls and notices there were, and how many of them went wrong, by how."""
        record = (await self.http.get(f"{self.url}/faults")).raise_for_status().json()
        played = Counter[str]()
        for each in record["played"]:
            played[each["fault"]] += each["times"]
        return sum(each["times"] for each in record["calls"]), played
