"""One trained detector for all tests of the task that only ask it."""

from __future__ import annotations

import pytest

from ml.anomaly.server import AnomalyServer
from ml.pipeline import Fitted
from tests.ml.anomaly.test_pipeline import fitted, market, served


@pytest.fixture(scope="package")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(market(), tmp_path_factory.mktemp("anomaly"))


@pytest.fixture(scope="package")
def server(fit: Fitted) -> AnomalyServer:
    return served(fit)
