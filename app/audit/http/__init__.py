"""GraphQL over HTTP [graphql/graphql-over-http, spec], its rules in our own words."""

from app.audit.http import answers, methods, parameters, requests
from app.audit.http.suite import SUITE

__all__ = ["SUITE", "answers", "methods", "parameters", "requests"]
