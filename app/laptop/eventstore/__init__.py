"""An embedded, durable event store that speaks EventStoreDB's gRPC protocol.

From the inside out: pure rules (``names``, ``metadata``, ``expectation``, ``filters``, ``system_projections``,
``persistent.group``), the file (``storage``), the operations on it (``commands``, ``store``,
``subscriptions``, ``persistent``), the protocol (``wire``) and the process (``server``).
"""
