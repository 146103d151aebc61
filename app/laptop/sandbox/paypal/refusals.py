"""How PayPal says no."""

from dataclasses import dataclass

from pydantic import JsonValue
from starlette.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class Link:
    """Where the payer is to go instead."""

    rel: str
    href: str


class Refused(Exception):
    """The request is refused with this issue, and nothing is done."""

    def __init__(
        self, issue: str, description: str = "", *, status: int = 422, name: str = "", link: Link | None = None
    ) -> None:
        super().__init__(issue)
        self.issue = issue
        self.description = description
        self.status = status
        self.name = name or ("UNPROCESSABLE_ENTITY" if status == 422 else "INVALID_REQUEST")
        self.link = link

    def response(self) -> JSONResponse:
        """The error body; never repeats a value the caller sent."""
        details: list[JsonValue] = [{"issue": self.issue, "description": self.description}]
        links: list[JsonValue] = (
            [{"rel": self.link.rel, "href": self.link.href, "method": "GET"}] if self.link is not None else []
        )
        body = {
            "name": self.name,
            "message": "The request could not be carried out.",
            "debug_id": "0000sandbox",
            "details": details,
            "links": links,
        }
        return JSONResponse(body, self.status)


def not_found(what: str) -> Refused:
    """No such document."""
    return Refused("INVALID_RESOURCE_ID", f"There is no such {what}.", status=404, name="RESOURCE_NOT_FOUND")


def invalid(field: str, issue: str = "INVALID_PARAMETER_VALUE") -> Refused:
    """A request that cannot be understood."""
    return Refused(issue, f"{field} is not as it should be.", status=400)
