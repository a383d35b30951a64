"""A budget of requests, and waits that end when they are told to.

Requests are charged to a `Limiter` before they go out. A wait is ours, never a
library's sleep: a `Stop`, a deadline or Ctrl-C ends it at once, and what a
person waits for goes before what runs in bulk.
"""

from pydeps_host.limiter.asking import Ask, Limiter, Priority, Unlimited
from pydeps_host.limiter.budget import Budget
from pydeps_host.limiter.stop import Stop

__all__ = ["Ask", "Budget", "Limiter", "Priority", "Stop", "Unlimited"]
