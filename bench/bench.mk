# Targets that need llama.cpp itself; the Makefile includes this file.
#
#   make llama-source   unpack the source that the installed llama-cpp-python was built from
#   make llama-tools    build llama-server, llama-bench and others from it, with the same kernels
#   make bench          compare both servers; BENCH_ARGS="--only decode --repeats 3" chooses

PYTHON ?= .venv/bin/python
BUILD := .build
BENCH_ARGS ?=
BENCH_MODEL := $(BUILD)/bench.gguf
LLAMA_TOOLS := llama-server llama-bench llama-batched-bench llama-tokenize
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
CMAKE ?= $(shell command -v cmake || echo $(BUILD)/cmake/bin/cmake)

.PHONY: llama-source llama-tools bench

# Versioned by its name, so that another llama-cpp-python means another source and other binaries.
# The archive's dates may lie in the future, which make and cmake stumble over: take today's (-m).
# `pip download` resolves nothing here: --no-deps, and the sdist is all that is wanted.
llama-source: | $(STAMPS)/serve
	@set -e; version=$$($(PYTHON) -c \
	  "import importlib.metadata as m; print(m.version('llama-cpp-python'))"); \
	name=llama_cpp_python-$$version; \
	if [ ! -d $(BUILD)/$$name ]; then \
	  mkdir -p $(BUILD); work=$$(mktemp -d $(BUILD)/sdist.XXXXXX); \
	  $(PYTHON) -m pip download -q --no-deps --no-binary :all: -d $$work \
	    llama-cpp-python==$$version; \
	  tar -xzmf $$work/$$name.tar.gz -C $$work; \
	  mv $$work/$$name $(BUILD)/ 2>/dev/null || [ -d $(BUILD)/$$name ]; rm -rf $$work; \
	fi; \
	ln -sfn $$name/vendor/llama.cpp $(BUILD)/llama.cpp

# llama-cpp-python builds with llama.cpp's defaults (Release, GGML_NATIVE, OpenMP) as position-
# independent code; so does this. Without the UI, TLS and curl the build needs no network.
# CMake gets the real path, not the link: the submodule's git directory is relative to it.
llama-tools: llama-source $(CMAKE)
	@set -e; source=$$(cd -P $(BUILD)/llama.cpp && pwd); \
	if [ "$$(cat $(BUILD)/bin/source 2>/dev/null)" != "$$source" ]; then \
	  rm -rf $(BUILD)/llama-tools; \
	  $(CMAKE) -S "$$source" -B $(BUILD)/llama-tools \
	    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
	    -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
	    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
	    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF; \
	  $(CMAKE) --build $(BUILD)/llama-tools -j $(JOBS) --target $(LLAMA_TOOLS); \
	  mkdir -p $(BUILD)/bin; \
	  cp $(addprefix $(BUILD)/llama-tools/bin/,$(LLAMA_TOOLS)) $(BUILD)/bin/; \
	  echo "$$source" > $(BUILD)/bin/source; \
	fi

# Only where the machine has no cmake of its own.
$(BUILD)/cmake/bin/cmake:
	python3 -m venv $(BUILD)/cmake && $(BUILD)/cmake/bin/pip install -q cmake

$(BENCH_MODEL): bench/make_model.py | llama-source
	$(PYTHON) -m bench.make_model $(BUILD)/llama.cpp/models/ggml-vocab-qwen2.gguf $@

bench: llama-tools $(BENCH_MODEL)
	$(PYTHON) -m bench.run --model $(BENCH_MODEL) --tools $(BUILD)/bin \
	  --vocabulary $(BUILD)/llama.cpp/models/ggml-vocab-qwen2.gguf $(BENCH_ARGS)
