"""Persistent subscription groups: competing consumers whose progress the server keeps."""
