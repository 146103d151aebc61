"""The hub: one Redis subscription per process, every watcher's position, gap repair.

It knows updates and bytes, neither GraphQL nor sockets.
"""
