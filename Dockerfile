# One image for web and worker: `docker compose up` (compose.yaml, docs/operations.md "Containers").
FROM node:24-slim AS browser
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-progress --no-fund --no-audit --loglevel=error --omit=dev

FROM python:3.11-slim AS python
WORKDIR /app
COPY requirements.txt requirements.lock requirements-s3.txt requirements-redis.txt requirements-sqs.txt requirements-ray.txt requirements-otel.txt ./
# requirements-s3.txt where artifacts lie on S3 (PARALELO_ARTIFACT_STORAGE; it has what SQS needs
# too), requirements-redis.txt or requirements-sqs.txt where the queue is in Redis or Amazon SQS
# (PARALELO_BROKER), requirements-ray.txt for backtests on a Ray cluster, requirements-otel.txt for
# traces (OTEL_EXPORTER_OTLP_ENDPOINT).
ARG REQUIREMENTS=requirements.txt
# Where pip shall look too: an address with PyTorch's packages for the CPU saves gigabytes of CUDA.
ARG PIP_EXTRA_INDEX_URL
RUN python -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check -r $REQUIREMENTS

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin paralelo \
    && install -d -o paralelo -g paralelo /data
WORKDIR /app
COPY --from=python /app/.venv .venv
COPY --from=browser /app/node_modules node_modules
COPY manage.py Procfile ./
COPY p2p p2p
COPY analytics analytics
COPY ml ml
COPY templates templates
COPY static static
COPY locale locale
RUN .venv/bin/pybabel --quiet compile --domain django --directory locale
# Everything that is written lies in /data; the app itself belongs to root and is only read.
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE \
    PARALELO_DEBUG=0 PARALELO_HOME=/data PARALELO_BIND=0.0.0.0 PORT=8000
USER paralelo
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', headers={'Host': os.environ['PARALELO_ALLOWED_HOSTS'].split(',')[0]}), timeout=4)"]
CMD ["python", "-m", "p2p.server"]
