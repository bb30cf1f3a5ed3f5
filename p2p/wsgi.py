"""Entry point of WSGI servers."""

import os

from django.core.wsgi import get_wsgi_application

from p2p.tracing import trace_requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "p2p.settings")
trace_requests()
application = get_wsgi_application()
