# MDF-Net on a CPU: `mdfnet serve` and `mdfnet node`. Research use only. Not a medical device.
# Runs as number 10001, on a read-only root; what it keeps goes to /var/lib/mdfnet. See docs/how-to/serve.md.
FROM python:3.12-slim AS build
WORKDIR /build
RUN pip install --no-cache-dir build==1.* && python -m venv /opt/mdfnet
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m build --wheel --outdir /wheels \
    && /opt/mdfnet/bin/pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu torch torchvision \
    && /opt/mdfnet/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[serve,dicom]"

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mdfnet \
    && install -d -o mdfnet -g mdfnet -m 700 /var/lib/mdfnet
COPY --from=build /opt/mdfnet /opt/mdfnet
ENV PATH=/opt/mdfnet/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp MPLCONFIGDIR=/tmp
USER 10001:10001
WORKDIR /var/lib/mdfnet
VOLUME /var/lib/mdfnet
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["mdfnet"]
CMD ["serve", "demo"]
