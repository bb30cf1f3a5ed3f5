"""A Django view without middleware that asks a small network by onnxruntime and nothing else, under
the same web server with as many threads: the floor that `bench.speed.served` measures beside.

`python -m bench.speed.bare PORT WINDOW`; `POST /bare` takes the sequence of predict-price.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

urlpatterns: list[Any] = []


def session_of(window: int) -> Any:
    """A network of two columns; weights do not matter."""
    import onnxruntime
    import torch

    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(window * 2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4)
    ).eval()
    body = io.BytesIO()
    torch.onnx.export(network, (torch.zeros(1, window, 2),), body, input_names=["x"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(body.getvalue(), options)


def view_of(window: int) -> Any:
    """The view; it reads the rows and knows no features."""
    import numpy as np
    from django.http import JsonResponse

    session = session_of(window)

    def view(request: Any) -> JsonResponse:
        x = np.array(json.loads(request.body)["sequence"], dtype="float32")[None, :, :2]
        return JsonResponse({"predicted": session.run(None, {"x": x})[0][0].tolist()})

    return view


def main(port: int, window: int) -> None:
    from django.conf import settings

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=[])
    import django
    from django.core.wsgi import get_wsgi_application
    from django.urls import path
    from waitress import serve

    from p2p.server import CONNECTIONS, THREADS

    django.setup()
    urlpatterns[:] = [path("bare", view_of(window))]
    serve(
        get_wsgi_application(),
        listen=f"127.0.0.1:{port}",
        threads=THREADS,
        connection_limit=CONNECTIONS,
        _quiet=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
