# CPU:   docker build -t ollama-server .
# CUDA:  docker build --build-arg CUDA=1 --build-arg BUILD_IMAGE=nvidia/cuda:12.6.3-devel-ubuntu24.04 \
#          --build-arg RUN_IMAGE=nvidia/cuda:12.6.3-runtime-ubuntu24.04 -t ollama-server:cuda .
# Without root:  docker run --user 1000:1000 -e HOME=/home/ollama -v ollama-user:/home/ollama/.ollama ...
# Without Docker:  deploy/chroot_image.py runs these very steps in a Debian chroot.
ARG BUILD_IMAGE=python:3.11-slim
ARG RUN_IMAGE=python:3.11-slim

FROM ${BUILD_IMAGE} AS build
ARG CUDA=0
ARG CMAKE_ARGS=""
ENV PIP_NO_CACHE_DIR=1
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential \
    && if ! python3 -c "import ensurepip, venv"; then \
        apt-get install -y --no-install-recommends python3-venv; \
    fi \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/ollama-server
WORKDIR /source
# The slow step depends on nothing that changes often. One library for each kind of processor, the
# best of which is chosen at start; llama-cpp-python's folder is where they are looked for.
RUN export CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON \
        -DCMAKE_INSTALL_BINDIR=llama_cpp/lib -DCMAKE_INSTALL_LIBDIR=llama_cpp/lib $CMAKE_ARGS" \
    && if [ "$CUDA" = 1 ]; then CMAKE_ARGS="$CMAKE_ARGS -DGGML_CUDA=ON"; fi \
    && /opt/ollama-server/bin/pip install "llama-cpp-python>=0.3.36"
COPY pyproject.toml README.md LICENSE ./
COPY ollama_server ollama_server
COPY models/tiny/tiny.gguf models/tiny/Modelfile models/tiny/
RUN /opt/ollama-server/bin/pip install . \
    && /opt/ollama-server/bin/pip uninstall -y setuptools pip \
    && /opt/ollama-server/bin/python -m ollama_server.engine --devices | grep cpu-

FROM ${RUN_IMAGE}
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# OpenMP for llama.cpp, certificates for pulls; Python where the base image has none.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libgomp1 \
    && if ! command -v python3; then apt-get install -y --no-install-recommends python3; fi \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /home/ollama/.ollama \
    && chown -R 1000:1000 /home/ollama \
    && ln -s /opt/ollama-server/bin/ollama-server /usr/local/bin/ollama-server \
    && ln -s ollama-server /usr/local/bin/ollama
COPY --from=build /opt/ollama-server /opt/ollama-server
ENV OLLAMA_HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1
EXPOSE 11434
# Wherever OLLAMA_HOST points, and with API keys too.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s \
    CMD ["/opt/ollama-server/bin/python", "-c", "from ollama_server.cli.client import Client; Client().check()"]
ENTRYPOINT ["/usr/local/bin/ollama"]
CMD ["serve"]
