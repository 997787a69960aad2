"""The documentation is complete: every route, variable and command stands in it."""

from __future__ import annotations

import dataclasses
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import typer

from ollama_server.app import create_app, leaf_routes
from ollama_server.cli.app import app as command_line
from ollama_server.cli.commands import COMMANDS as SLASH_COMMANDS
from ollama_server.cli.commands import SETTERS
from ollama_server.engine.protocol import Sampling
from ollama_server.generation import options
from ollama_server.routes.openapi import TAGS
from ollama_server.runtime.plan import LoadOptions
from ollama_server.settings import INHERITED, Settings
from ollama_server.wire.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md")]


def test_every_route_is_in_the_api_reference(tmp_path: Path) -> None:
    text = (DOCS / "api.md").read_text()
    documented = set(re.findall(r"`(?:GET|POST|HEAD|DELETE) (/\S*)`", text))
    routes = leaf_routes(create_app(Settings(models=tmp_path)).routes)
    paths = {re.sub(r":path\}", "}", getattr(route, "path", "")) for route in routes}
    assert documented == paths


def test_every_folder_of_the_package_is_on_the_map() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    mapped = {name.removeprefix("ollama_server/") for row in rows for name in row.split("`")}
    folders = {path.parent.name for path in (ROOT / "ollama_server").glob("*/__init__.py")}
    assert folders <= mapped


def documented_options() -> dict[str, tuple[str, str]]:
    """Name, default and meaning of each option in the API reference."""
    section = (DOCS / "api.md").read_text().partition("### Options")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.*) \|$", section, re.M)
    return {name: (default, meaning) for name, default, meaning in rows}


def test_every_option_is_in_the_api_reference() -> None:
    assert set(documented_options()) == options.NAMES


def test_every_option_has_the_default_that_is_in_force() -> None:
    resolved = options.resolve({}, {})
    found = {name: default for name, (default, _) in documented_options().items()}
    for name in Sampling.__struct_fields__:
        if name in options.NAMES:
            assert float(found[name]) == getattr(resolved.sampling, name), name
    assert int(found["num_predict"]) == resolved.num_predict
    assert int(found["num_keep"]) == resolved.num_keep
    assert int(found["num_gpu"]) == resolved.load.num_gpu
    assert int(found["num_thread"]) == resolved.load.num_thread


def test_the_options_that_load_again_say_so() -> None:
    marked = {n for n, (_, meaning) in documented_options().items() if meaning.startswith("*load*")}
    assert marked == {field.name for field in dataclasses.fields(LoadOptions)}


def test_every_variable_is_in_the_configuration() -> None:
    text = (DOCS / "configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.M))
    assert documented == {f"OLLAMA_{name.upper()}" for name in Settings.model_fields} | set(
        INHERITED
    )


def test_every_variable_has_the_description_of_its_setting() -> None:
    text = (DOCS / "configuration.md").read_text()
    missing = [
        name
        for name, field in Settings.model_fields.items()
        if f"| {field.description} |" not in text
    ]
    assert missing == []


def test_every_command_is_in_the_reference() -> None:
    text = (DOCS / "cli.md").read_text()
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    commands = typer.main.get_group(command_line).commands
    missing = [name for name in commands if not re.search(rf"`{name}\b", table)]
    assert missing == []


def test_every_flag_and_slash_command_is_in_the_reference() -> None:
    text = (DOCS / "cli.md").read_text()
    commands = typer.main.get_group(command_line).commands.values()
    flags = {
        flag
        for command in commands
        for parameter in command.params
        if not getattr(parameter, "hidden", True)
        for flag in parameter.opts
    }
    assert {"--verbose", "-f", "--draft-quantize"} <= flags
    missing = [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text)]
    missing += [f"/set {name}" for name in SETTERS if f"/set {name}" not in text]
    missing += [name for name in SLASH_COMMANDS if f"`{name}" not in text]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    broken = [link for link in links if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("name", sorted(page.name for page in DOCS.glob("*.md")))
def test_every_page_is_in_the_index(name: str) -> None:
    assert name == "index.md" or f"({name})" in (DOCS / "index.md").read_text()


def test_the_readmes_show_the_same_commands() -> None:
    def commands(page: str) -> list[str]:
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.S)
        words = [re.findall(r"^(?!#)\S+(?: [a-z]+)?", block, re.M) for block in blocks]
        return [word for block in words for word in block]

    assert commands("README.md") == commands("README.zh.md")


def test_the_readmes_lead_to_the_same_pages() -> None:
    english, chinese = (
        set(re.findall(r"\]\(((?!README)[^)]+)\)", (ROOT / page).read_text()))
        for page in ("README.md", "README.zh.md")
    )
    assert english == chinese


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Method and path of each route to what the OpenAPI document says of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app = create_app(Settings(models=tmp_path_factory.mktemp("models")))
        paths = app.openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_every_route_of_the_api_is_described_in_openapi(
    operations: dict[str, dict[str, Any]],
) -> None:
    bare = [
        route
        for route, operation in operations.items()
        if not (operation.get("summary") and operation.get("description"))
    ]
    assert bare == []


def test_every_group_of_routes_has_its_place_in_openapi(
    operations: dict[str, dict[str, Any]],
) -> None:
    used = {tag for operation in operations.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in TAGS}


def test_every_route_has_an_example_in_openapi(operations: dict[str, dict[str, Any]]) -> None:
    assert set(operations) == set(EXAMPLES)


def test_every_body_in_openapi_has_a_model_and_an_example(
    operations: dict[str, dict[str, Any]],
) -> None:
    bodies = {
        f"{route} {kind}": media
        for route, operation in operations.items()
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for kind, media in part.get("content", {}).items()
        if part.get("description") != "What went wrong"
    }
    assert [name for name, media in bodies.items() if not media.get("example")] == []
    without = [name for name, media in bodies.items() if not media.get("schema")]
    assert [name for name in without if not name.endswith(" text/event-stream")] == []


# What takes no body at all.
NO_BODY = {"POST /api/me", "POST /api/signout", "DELETE /api/user/keys/{key}"}


def test_every_route_that_takes_a_body_says_so_in_openapi(
    operations: dict[str, dict[str, Any]],
) -> None:
    silent = {
        route
        for route, operation in operations.items()
        if route.startswith(("POST", "DELETE")) and "requestBody" not in operation
    }
    assert silent == NO_BODY
