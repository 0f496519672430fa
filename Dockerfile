# The central system in a container: docker build -t electra-sems . &&
#   docker run -e CSMS_REST_ACCESS=open -p 127.0.0.1:3000:3000 -p 9000:9000 electra-sems
# Published further than on 127.0.0.1, leave that variable out: REST then asks for a key (docs/how-to/let-people-in.md).
ARG BASE=python:3.11-slim

# --- a virtual environment with exactly what the hashed lock says -----------------------------------------------------
FROM ${BASE} AS build
# Behind a mirror: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python3 -m venv /opt/csms
COPY requirements.lock .
RUN /opt/csms/bin/python -m pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY csms csms
COPY api api
COPY simulators simulators
# The wheel carries it, for the demo.
COPY examples/demo.json examples/
RUN /opt/csms/bin/python -m pip install --no-deps . \
    && /opt/csms/bin/python -m compileall -q /opt/csms/lib \
    && /opt/csms/bin/python -m pip uninstall --yes pip

# --- what runs: the same Python, that environment, no compiler, no root -----------------------------------------------
FROM ${BASE}
LABEL org.opencontainers.image.title="Electra SEMS" \
      org.opencontainers.image.description="OCPP 1.6-J central system with energy management" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 csms \
    && useradd --uid 10001 --gid csms --no-create-home --home-dir /data --shell /usr/sbin/nologin csms \
    && install -d -o csms -g csms -m 0750 /data
COPY --from=build /opt/csms /opt/csms
COPY examples/station_config.json /etc/csms/station.json
ENV PATH=/opt/csms/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CSMS_CONFIG=/etc/csms/station.json \
    CSMS_DATABASE=sqlite:////data/csms.sqlite3 \
    CSMS_HOST=0.0.0.0 \
    CSMS_PORT=3000 \
    CSMS_OCPP_HOST=0.0.0.0 \
    CSMS_OCPP_PORT=9000
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 3000 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['CSMS_PORT'] + '/health', timeout=2)"]
CMD ["csms", "serve"]
