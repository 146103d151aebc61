"""What is said when everything runs."""

import re

from app.laptop.plan import Plan, address

_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


def banner(plan: Plan) -> str:
    """Where everything is, for a reader who has just typed `make run`."""
    settings = plan.settings
    gateway = address(settings.host, plan.ports["gateway"])
    places = {
        "GraphiQL": f"http://{gateway}/graphql",
        "WebSocket": f"ws://{gateway}/graphql",
        "Health": f"http://{gateway}/health/ready",
        "Sandbox": settings.sandbox_url,
        "Mails": f"{settings.sandbox_url}/mails" if settings.sandbox_mail_port else "",
        "Bank app": f"{settings.sandbox_url}/vietqr/bank",
        "Event store": settings.eventstore_uri,
        "Redis": settings.redis_url,
        "Data": str(settings.data_dir),
    }
    lines = [f"    {name:<13}{_CREDENTIALS.sub('', place)}" for name, place in places.items() if place]
    return "\n".join(["", "  paygate is ready", "", *lines, "", "  Ctrl-C stops all of it.", "", ""])
