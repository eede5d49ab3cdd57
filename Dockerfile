# syntax=docker/dockerfile:1
# S47 for production: the worker, and the command line s47. No embedded servers, no development tools.

FROM python:3.13.14-slim-trixie AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/s47
COPY requirements.txt /
RUN /opt/s47/bin/pip install --require-hashes -r /requirements.txt

FROM python:3.13.14-slim-trixie
RUN useradd --system --uid 10047 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin s47 \
    && printf '%s\n' '#!/opt/s47/bin/python' 'from starter.cli import main' 'main()' > /usr/local/bin/s47 \
    && chmod 0755 /usr/local/bin/s47
COPY --from=packages /opt/s47 /opt/s47
WORKDIR /app
COPY casework casework
COPY workflows workflows
COPY activities activities
COPY connection connection
COPY starter starter
COPY worker.py LICENSE ./
# The workflow's modules are loaded anew for every case: compiled here, since nothing may be written later.
RUN python -m compileall -q --invalidation-mode unchecked-hash .
ENV PATH=/opt/s47/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER s47
CMD ["python", "worker.py"]
