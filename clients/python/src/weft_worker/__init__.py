"""Python functions as agents of Weft workflows.

Must stay small: what is not named here is inside, and may change.
"""

from .agent import Agent, agent
from .app import App
from .cancellation import Cancellation
from .context import Callback, Context, Feedback, Revision
from .errors import AgentError, Cancelled, Permanent, RateLimited, Refused, Suspend, Temporary
from .files import File
from .marks import Port
from .version import VERSION as __version__

__all__ = [
    "Agent",
    "AgentError",
    "App",
    "Callback",
    "Cancellation",
    "Cancelled",
    "Context",
    "Feedback",
    "File",
    "Permanent",
    "Port",
    "RateLimited",
    "Refused",
    "Revision",
    "Suspend",
    "Temporary",
    "__version__",
    "agent",
]
