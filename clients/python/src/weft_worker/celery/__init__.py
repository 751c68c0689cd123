"""Tasks of a Celery app as agents of Weft workflows: the bridge claims steps and sends messages, Celery does the work.

Must not be imported where Celery is not installed: `pip install "weft-worker[celery]"`.
"""

from .agents import CeleryAgents

__all__ = ["CeleryAgents"]
