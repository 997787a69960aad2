"""Configuration: every environment variable the server reads, in one place.

Values are read as Ollama reads them: surrounding white space and quotes do not count, an empty
value is an unset one, and a value that does not parse is ignored with a warning.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import json
import logging
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic import ValidatorFunctionWrapHandler as Handler
from pydantic_settings import BaseSettings, SettingsConfigDict

from ollama_server.durations import LONGEST_SECONDS, parse_duration

log = logging.getLogger(__name__)

DEFAULT_PORT = 11434

# Read by libraries and by llama.cpp themselves; the runner processes inherit the environment.
INHERITED = {
    "HTTP_PROXY": "Proxy for pulls and pushes, and to servers elsewhere, over plain HTTP.",
    "HTTPS_PROXY": "The same over HTTPS.",
    "NO_PROXY": "Hosts that are reached without a proxy.",
    "CUDA_VISIBLE_DEVICES": "NVIDIA GPUs that may be used.",
    "HIP_VISIBLE_DEVICES": "AMD GPUs that may be used.",
    "ROCR_VISIBLE_DEVICES": "AMD GPUs that may be used (ROCm runtime).",
    "GGML_VK_VISIBLE_DEVICES": "Vulkan devices that may be used.",
    "GPU_DEVICE_ORDINAL": "AMD GPUs that may be used (older runtimes).",
    "HSA_OVERRIDE_GFX_VERSION": "Treat an AMD GPU as another generation.",
    "HF_TOKEN": "Access token for gated repositories of the Hugging Face hub.",
    "HF_ENDPOINT": "Another hub than https://huggingface.co.",
}


def _parse_bool(value: Any) -> Any:
    """Anything that is not a spelling of false is true, as in Ollama."""
    if not isinstance(value, str):
        return value
    return value not in ("0", "f", "F", "false", "FALSE", "False")


def _parse_unsigned(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]+", value, re.ASCII):
            raise ValueError("not a number of decimal digits")
        return int(value)
    return value


def _parse_seconds(value: Any) -> Any:
    """A Go duration or bare seconds; negative means for ever."""
    if isinstance(value, str):
        is_number = re.fullmatch(r"[+-]?\d+", value, re.ASCII)
        value = float(value) if is_number else parse_duration(value)
    return value


def _parse_size(value: Any) -> Any:
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", value.lower())
        if match is None:
            raise ValueError("not a size such as 20GB")
        number, prefix, binary = match.groups()
        return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(prefix or " "))
    return value


def _parse_debug(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?\d+", value) else int(_parse_bool(value))
    return value


def _forever_if_negative(seconds: float) -> float:
    return seconds if 0 <= seconds < LONGEST_SECONDS else math.inf


Bool = Annotated[bool, BeforeValidator(_parse_bool)]
Tristate = Annotated[bool | None, BeforeValidator(_parse_bool)]
Unsigned = Annotated[int, BeforeValidator(_parse_unsigned)]
Seconds = Annotated[float, BeforeValidator(_parse_seconds)]
Size = Annotated[int, BeforeValidator(_parse_size)]


@dataclass(frozen=True, slots=True)
class HostAddress:
    """OLLAMA_HOST taken apart; an empty ``host`` means all interfaces."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def for_clients(self) -> HostAddress:
        """Where a client finds it: an address that means "everywhere" becomes loopback."""
        try:
            address = ipaddress.ip_address(self.host or "0.0.0.0")
        except ValueError:
            return self
        if not address.is_unspecified:
            return self
        return replace(self, host="127.0.0.1" if address.version == 4 else "::1")

    @property
    def client_url(self) -> str:
        """Base URL for a client."""
        host = self.for_clients.host
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(host).version == 6:
                host = f"[{host}]"
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_host(text: str) -> HostAddress:
    """``[scheme://]host[:port][/path]``; a wrong port is the scheme's default, with a warning."""
    text = text.strip().strip("\"'")
    scheme, separator, rest = text.partition("://")
    if not separator:
        if text == "ollama.com":
            return HostAddress("https", "ollama.com", 443)
        scheme, rest, number = "http", text, DEFAULT_PORT
    else:
        number = {"http": 80, "https": 443}.get(scheme, DEFAULT_PORT)
    rest, slash, path = rest.partition("/")
    host, port = _split_port(rest)
    if re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= 65535:
        number = int(port)
    elif port:
        log.warning("OLLAMA_HOST: port %r ignored, %d is used", port, number)
    if host is None:
        host = "127.0.0.1"
    return HostAddress(scheme, host, number, f"/{path}".rstrip("/") if slash else "")


def _split_port(text: str) -> tuple[str | None, str]:
    """Host (None when there is no text at all) and port text, brackets removed."""
    if not text:
        return None, ""
    try:
        return str(ipaddress.ip_address(text.strip("[]"))), ""
    except ValueError:
        host, colon, port = text.rpartition(":")
        if not colon:
            return text, ""
        return host.strip("[]"), port


class Settings(BaseSettings):
    """All settings; the environment variable is the field's name in capitals after ``OLLAMA_``."""

    model_config = SettingsConfigDict(env_prefix="OLLAMA_", extra="ignore", frozen=True)

    host: str = Field(
        default="127.0.0.1:11434",
        description="Address to listen on, and the one the command line talks to.",
    )
    models: Path = Field(
        default_factory=lambda: Path.home() / ".ollama" / "models",
        description="The model store, in Ollama's own layout.",
    )
    origins: str = Field(
        default="", description="More origins that browsers may call from, separated by commas."
    )
    keep_alive: Seconds = Field(
        default=300.0,
        description="How long an idle model stays loaded: 10m, 3600, -1 for ever, 0 not at all.",
    )
    load_timeout: Seconds = Field(
        default=300.0,
        description="Give up a load that shows no progress for this long; 0 or less: never.",
    )
    context_length: Unsigned = Field(
        default=0, description="Default num_ctx; 0 chooses 4096, 32768 or 262144 by video memory."
    )
    num_parallel: Unsigned = Field(
        default=0,
        description="Sequences a model generates at once; 0 chooses from the memory at hand.",
    )
    max_loaded_models: Unsigned = Field(
        default=0, description="Models loaded at the same time; 0 means 3 per GPU (3 without one)."
    )
    max_queue: Unsigned = Field(
        default=512, description="Requests that may wait for a load before others get a 503."
    )
    flash_attention: Tristate = Field(
        default=None, description="Flash attention on or off; unset lets llama.cpp decide."
    )
    kv_cache_type: str = Field(
        default="", description="Type of the KV cache: f16 (default), q8_0, q4_0, bf16, f32, ..."
    )
    gpu_overhead: Unsigned = Field(default=0, description="Bytes of each GPU to leave alone.")
    sched_spread: Bool = Field(
        default=False,
        description="Accepted for compatibility: llama.cpp uses all GPUs unless main_gpu is set.",
    )
    llm_library: str = Field(
        default="",
        description="Accepted for compatibility: the backend is chosen when llama.cpp is built.",
    )
    vulkan: Bool = Field(default=True, description="Allow Vulkan devices.")
    igpu_enable: Tristate = Field(
        default=None,
        description="Accepted for compatibility: integrated GPUs serve where there is no other.",
    )
    go_template: Tristate = Field(
        default=None,
        description="Force (1) or forbid (0) a model's Go template where a Jinja one exists too.",
    )
    noprune: Bool = Field(
        default=False, description="Keep blobs that no model uses at start, pull and create."
    )
    debug: Annotated[int, BeforeValidator(_parse_debug)] = Field(
        default=0, description="Log level: 1 debug, 2 everything, negative is quieter."
    )
    debug_log_requests: Bool = Field(
        default=False, description="Write the bodies of inference requests to a temporary folder."
    )
    no_cloud: Bool = Field(
        default=False, description="Accepted for compatibility: there is no cloud here anyway."
    )
    remotes: str = Field(
        default="ollama.com", description="Accepted for compatibility: hosts of remote models."
    )
    cloud_base_url: str = Field(
        default="https://ollama.com:443", description="Accepted for compatibility."
    )
    auth: Bool = Field(default=False, description="Sign the command line's requests.")
    max_transfer_streams: Unsigned = Field(
        default=0,
        description="Most connections for one file of a pull or push; 0: as many as are worth it.",
    )
    experiment: str = Field(default="", description="Accepted for compatibility; does nothing.")
    editor: str = Field(default="", description="Editor that the interactive prompt opens.")
    nohistory: Bool = Field(default=False, description="Keep no history of interactive prompts.")
    skills: str = Field(default="", description="Accepted for compatibility; does nothing.")
    agent_disable_shell: Bool = Field(
        default=False, description="Accepted for compatibility; does nothing."
    )
    agent_disable_websearch: Bool = Field(
        default=False, description="Accepted for compatibility; does nothing."
    )
    no_embedded_model: Bool = Field(
        default=False, description="Do not register the model that ships with the server."
    )
    api_keys: str = Field(
        default="",
        description="Keys that clients must send as a bearer token, separated by commas.",
    )
    api_keys_file: str = Field(
        default="", description="A file with one API key a line, instead of OLLAMA_API_KEYS."
    )
    image_urls: Bool = Field(
        default=True, description="Fetch images that a request names by http(s) URL."
    )
    image_url_hosts: str = Field(
        default="",
        description="Hosts and networks (10.0.0.0/8) that are fetched from although not public.",
    )
    image_url_timeout: Seconds = Field(
        default=10.0, description="How long fetching an image may take, redirects included."
    )
    image_url_max_size: Size = Field(
        default=20_000_000, description="Size limit of a fetched image, such as 20MB."
    )
    image_max_pixels: Unsigned = Field(
        default=50_000_000, description="Pixels that an image may have; larger ones are refused."
    )
    cache_max: Size = Field(
        default=0,
        description="Size limit of the cache of translated models, such as 50GB; 0: no limit.",
    )
    llama_cpp_compat: Bool = Field(
        default=True,
        description="Translate models that were published for Ollama into what llama.cpp reads.",
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _lenient(cls, value: Any, handler: Handler, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return handler(value)
        text = value.strip().strip("\"'")
        assert info.field_name is not None
        field = cls.model_fields[info.field_name]
        default = field.get_default(call_default_factory=True, validated_data={})
        if not text:
            return default
        try:
            return handler(text)
        except (ValidationError, ValueError):
            log.warning("OLLAMA_%s: %r ignored", info.field_name.upper(), value)
            return default

    @field_validator("keep_alive")
    @classmethod
    def _keep_forever(cls, seconds: float) -> float:
        return _forever_if_negative(seconds)

    @field_validator("load_timeout")
    @classmethod
    def _wait_forever(cls, seconds: float) -> float:
        return math.inf if seconds <= 0 else seconds

    @field_validator("kv_cache_type")
    @classmethod
    def _lower(cls, text: str) -> str:
        return text.lower()

    @functools.cached_property
    def address(self) -> HostAddress:
        """Where to listen."""
        return parse_host(self.host)

    @property
    def log_level(self) -> int:
        """A level of ``logging``."""
        if self.debug > 0:
            return logging.DEBUG
        return logging.INFO - 10 * min(self.debug, 0)

    @property
    def cloud_disabled_by(self) -> str:
        """Who switched the cloud off: "env", "config" or "both"; "env" when nobody had to."""
        if not _config_disables_cloud():
            return "env"
        return "both" if self.no_cloud else "config"


def _config_disables_cloud() -> bool:
    try:
        config = json.loads((Path.home() / ".ollama" / "server.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("disable_ollama_cloud") is True


@functools.cache
def get_settings() -> Settings:
    """The settings of this process, read from the environment once."""
    return Settings()
