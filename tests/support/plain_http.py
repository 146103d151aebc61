"""What httpx is given where nothing is encrypted."""

import ssl

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify`: to load the usual ones takes 40 ms for each client, longer than all the rest of a request."""
