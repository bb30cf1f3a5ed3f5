"""What is worth a message, and how it is said and sent. This room knows no ORM.

Kinds of rules (`kinds/`, one file each) turn facts into sights; `machine` turns sights into
firings; kinds of channels (`ways/`, one file each) send a message. Both register themselves.
`analytics/services/alerting/` gathers facts, keeps states, and delivers.
"""

from __future__ import annotations
