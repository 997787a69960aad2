# CPU:   docker build -t ollama-server .
# CUDA:  docker build --build-arg CUDA=1 --build-arg BUILD_IMAGE=nvidia/cuda:12.6.3-devel-ubuntu24.04 \
#          --build-arg RUN_IMAGE=nvidia/cuda:12.6.3-runtime-ubuntu24.04 -t ollama-server:cuda .
# Without root:  docker run --user 1000:1000 -e HOME=/home/ollama -v ollama-user:/home/ollama/.ollama ...
ARG BUILD_IMAGE=python:3.11-slim
ARG RUN_IMAGE=python:3.11-slim

FROM ${BUILD_IMAGE} AS build
ARG CUDA=0
# Not for the builder's own processor: AVX2 and FMA are enough for every x86-64 server since 2013.
# (llama-cpp-python does not install llama.cpp's per-processor backends, so one baseline is chosen.)
ARG CMAKE_ARGS="-DGGML_NATIVE=OFF"
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential git \
    && (command -v python3 && python3 -m venv --help && python3 -c "import ensurepip" \
        || apt-get install -y --no-install-recommends python3 python3-dev python3-venv) >/dev/null \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/ollama-server
WORKDIR /source
# The slow step depends on nothing that changes often.
# hadolint ignore=SC2086
RUN if [ "$CUDA" = 1 ]; then CMAKE_ARGS="$CMAKE_ARGS -DGGML_CUDA=ON"; fi; \
    export CMAKE_ARGS; \
    /opt/ollama-server/bin/pip install --no-cache-dir --no-binary llama-cpp-python "llama-cpp-python>=0.3.36"
COPY pyproject.toml README.md LICENSE ./
COPY ollama_server ollama_server
COPY models/tiny/tiny.gguf models/tiny/Modelfile models/tiny/
RUN /opt/ollama-server/bin/pip install --no-cache-dir .

FROM ${RUN_IMAGE}
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# OpenMP for llama.cpp, certificates for pulls; Python where the base image has none.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libgomp1 \
    && (command -v python3 >/dev/null || apt-get install -y --no-install-recommends python3) \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /home/ollama/.ollama && chown -R 1000:1000 /home/ollama
COPY --from=build /opt/ollama-server /opt/ollama-server
RUN ln -s /opt/ollama-server/bin/ollama-server /usr/local/bin/ollama-server \
    && ln -s ollama-server /usr/local/bin/ollama
ENV OLLAMA_HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1
EXPOSE 11434
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["/opt/ollama-server/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:11434/')"]
ENTRYPOINT ["/usr/local/bin/ollama"]
CMD ["serve"]
