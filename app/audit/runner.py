"""Runs the rules against a server: several at a time, each with a time-out of its own."""

import asyncio

import httpx

from app.audit import http, multipart, sse, websocket
from app.audit.model import Finding, NotExamined, NotMet, NotOffered, Report, Verdict
from app.audit.options import Options
from app.audit.rules import Rule
from app.audit.target import Target, opened

RULES: tuple[Rule, ...] = (*http.SUITE.rules, *websocket.SUITE.rules, *sse.SUITE.rules, *multipart.SUITE.rules)
_DEFAULT_OPTIONS = Options()


async def audit(url: str, options: Options = _DEFAULT_OPTIONS) -> Report:
    """Audit the server at `url`; raises `Unreachable`."""
    places = asyncio.Semaphore(options.at_once)
    async with opened(url, options) as target:
        await target.reach()

        async def examined(rule: Rule) -> Finding:
            async with places:
                return await _finding(rule, target)

        async with asyncio.TaskGroup() as tasks:
            findings = [tasks.create_task(examined(rule)) for rule in RULES if options.covers(rule.id)]
        return Report(url, tuple(finding.result() for finding in findings))


async def _finding(rule: Rule, target: Target) -> Finding:
    verdict, seen = await _verdict(rule, target)
    return Finding(rule.protocol, rule.id, rule.level, rule.title, verdict, seen)


async def _verdict(rule: Rule, target: Target) -> tuple[Verdict, str]:
    try:
        async with asyncio.timeout(target.options.seconds):
            return Verdict.MET, await rule.check(target)
    except NotMet as fault:
        return Verdict.NOT_MET, str(fault)
    except NotOffered as reason:
        return Verdict.NOT_OFFERED, str(reason)
    except NotExamined as reason:
        return Verdict.NOT_EXAMINED, str(reason)
    except (TimeoutError, httpx.TimeoutException):
        return Verdict.NOT_MET, f"what the rule asks for did not come within {target.options.seconds:g} s"
    except (httpx.HTTPError, OSError) as fault:
        return Verdict.NOT_MET, f"the connection failed: {str(fault) or type(fault).__name__}"
    except (LookupError, TypeError, ValueError, AttributeError) as fault:
        # A server may answer anything, and one audit must not end the others.
        return Verdict.NOT_MET, f"an answer of a form that nobody foresaw: {type(fault).__name__}"
