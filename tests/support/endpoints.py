"""A merchant's view of its webhook endpoints, in GraphQL."""

ENDPOINT = "fragment SeenEndpoint on Endpoint { id url description events status offReason oldSecretValidUntil }"
DELIVERY = """
fragment SeenDelivery on EndpointDelivery { id messageId endpointId subject version type status attempts lastAnswer }
"""
_REFUSED = "... on InvalidInput { field code message }"
_NOT_FOUND = "... on EndpointNotFound { field code message }"

REGISTER = (
    "mutation Run($input: RegisterEndpointInput!) { registerEndpoint(input: $input) { __typename "
    f"... on EndpointRegistered {{ endpoint {{ ...SeenEndpoint }} secret }} {_REFUSED} }} }} {ENDPOINT}"
)
ROLL = (
    "mutation Run($input: RollEndpointSecretInput!) { rollEndpointSecret(input: $input) { __typename "
    f"... on EndpointRegistered {{ endpoint {{ ...SeenEndpoint }} secret }} {_REFUSED} {_NOT_FOUND} }} }} {ENDPOINT}"
)
REMOVE = (
    "mutation Run($input: EndpointInput!) { removeEndpoint(input: $input) { __typename "
    f"... on EndpointRemoved {{ endpointId }} {_REFUSED} {_NOT_FOUND} }} }}"
)
REDELIVER = (
    "mutation Run($input: RedeliverInput!) { redeliver(input: $input) { __typename "
    f"... on RedeliveryAccepted {{ delivery {{ ...SeenDelivery }} }} {_REFUSED} "
    f"... on DeliveryNotFound {{ field code message }} }} }} {DELIVERY}"
)
ENDPOINTS = f"query {{ endpoints {{ ...SeenEndpoint }} }} {ENDPOINT}"
DELIVERIES = (
    "query Log($endpointId: ID!, $first: Int, $after: String) { "
    "deliveries(endpointId: $endpointId, first: $first, after: $after) "
    f"{{ nodes {{ ...SeenDelivery }} pageInfo {{ hasNextPage endCursor }} }} }} {DELIVERY}"
)


def command(name: str) -> str:
    """The document of a command on an endpoint, such as `enableEndpoint`."""
    kind = {"updateEndpoint": "UpdateEndpointInput", "replayDeliveries": "ReplayDeliveriesInput"}.get(
        name, "EndpointInput"
    )
    return (
        f"mutation Run($input: {kind}!) {{ {name}(input: $input) {{ __typename "
        f"... on EndpointAccepted {{ endpoint {{ ...SeenEndpoint }} }} {_REFUSED} {_NOT_FOUND} }} }} {ENDPOINT}"
    )
