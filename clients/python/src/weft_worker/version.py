"""The version of this client, which it tells the server.

Must be a plain text: the package is built by reading it.
"""

VERSION = "0.1.0"
