# The engine, compiled, with its page. Two stages: what builds it stays behind.
#
#   docker build --tag algo-trader .
#   docker run --rm algo-trader --version
#
# docs/deploy.md says how it is run. `make deploy-check` carries the steps of the first stage out without Docker.

FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN pip install uv==0.13.9
WORKDIR /src

# What the package needs, as it is locked: the same files whenever the image is built. In a layer of its own, for it changes seldom.
COPY requirements-image.txt ./
RUN python -m venv /opt/algo-trader \
    && uv pip install --python /opt/algo-trader/bin/python --require-hashes --no-deps --compile-bytecode --requirements requirements-image.txt

# The wheel: the engine compiled, the page built. Either is an error when it fails; Node comes from PyPI, and stays behind too.
COPY . .
RUN ALGOTRADER_COMPILE=1 ALGOTRADER_PAGE=1 /opt/algo-trader/bin/python setup.py --quiet bdist_wheel --dist-dir /dist \
    && uv pip install --python /opt/algo-trader/bin/python --no-deps --compile-bytecode /dist/*.whl \
    && uv pip uninstall --python /opt/algo-trader/bin/python mypy pip setuptools wheel \
    && uv pip check --python /opt/algo-trader/bin/python

FROM python:3.12-slim-bookworm AS final
RUN groupadd --gid 10001 algo \
    && useradd --uid 10001 --gid algo --home-dir /var/lib/algo-trader --no-create-home --shell /usr/sbin/nologin algo \
    && install --directory --owner algo --group algo --mode 0700 /var/lib/algo-trader /var/log/algo-trader /var/cache/algo-trader
COPY --from=build /opt/algo-trader /opt/algo-trader
ENV PATH=/opt/algo-trader/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/algo-trader \
    ALGOTRADER_CACHE=/var/cache/algo-trader \
    ALGO_APP__DB_PATH=/var/lib/algo-trader/trading.db \
    ALGO_APP__LOG_FILE=/var/log/algo-trader/algo-trader.jsonl \
    ALGO_WEB__HOST=0.0.0.0 \
    ALGO_WEB__PORT=8000
# Beyond loopback the settings refuse to start without ALGO_WEB__TOKEN; there is none in the image.
USER 10001:10001
WORKDIR /var/lib/algo-trader
VOLUME ["/var/lib/algo-trader", "/var/log/algo-trader", "/var/cache/algo-trader"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['ALGO_WEB__PORT']}/health\", timeout=4)"]
ENTRYPOINT ["algo-trader"]
CMD ["start"]
