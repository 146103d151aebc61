"""Gossip: a cluster of one, which leads itself."""

import time
from typing import Any
from uuid import uuid4

import grpc
from esdbclient.protos.Grpc import gossip_pb2, gossip_pb2_grpc, shared_pb2

from .status import Context


class GossipService(gossip_pb2_grpc.GossipServicer):
    """Tells clients which node to use and where they reach it."""

    def __init__(self, host: str, port: int) -> None:
        self._endpoint = gossip_pb2.EndPoint(address=host, port=port)
        self._instance = shared_pb2.UUID(string=str(uuid4()))

    async def Read(self, request: shared_pb2.Empty, context: Context) -> Any:  # noqa: N802, ARG002 - the protocol's
        """Return the one member."""
        member = gossip_pb2.MemberInfo(
            instance_id=self._instance,
            time_stamp=time.time_ns() // 100,
            state=gossip_pb2.MemberInfo.Leader,
            is_alive=True,
            http_end_point=self._endpoint,
        )
        return gossip_pb2.ClusterInfo(members=[member])


def add_gossip(server: grpc.aio.Server, service: GossipService) -> None:
    """Register the service."""
    add: Any = gossip_pb2_grpc.add_GossipServicer_to_server
    add(service, server)
