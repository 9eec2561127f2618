# syntax=docker/dockerfile:1
# Two stages: the first installs the hashed dependencies, the second holds nothing but Python, them and the service.
FROM python:3.13.16-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-input --require-hashes -r requirements.txt

FROM python:3.13.16-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin service
COPY --from=build /venv /venv
COPY service service
# Proves the knowledge, and leaves the proof beside it: then a start need not do that again.
RUN flask --app service guideline check
USER 10001
EXPOSE 8000
# The image is reached from outside its own loopback, so whoever runs it must say who may call (AUTH).
ENV HOST=0.0.0.0 PORT=8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=2)"]
CMD ["gunicorn", "--config", "python:service.server.gunicorn_config", "service:create_app()"]
