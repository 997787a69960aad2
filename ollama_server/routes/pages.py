"""/docs and /redoc: the API for people.

Their scripts come from a Python package. FastAPI's own pages load them from elsewhere, which fails
on machines without the internet and tells others who reads what.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

# All addresses are relative, so that the pages work below a path of a proxy, too.
_FILES = "docs/files"
_DOCUMENT = "openapi.json"
_ICON = f"{_FILES}/favicon.png"


def add_pages(app: FastAPI) -> None:
    """Serve both pages and what they load."""
    files = StaticFiles(packages=[("fastapi_offline", "static")])
    app.mount(f"/{_FILES}", files, name="files of /docs")
    app.add_api_route("/docs", _swagger, include_in_schema=False)
    app.add_api_route("/redoc", _redoc, include_in_schema=False)


async def _swagger() -> HTMLResponse:
    """The API, to try out."""
    return get_swagger_ui_html(
        openapi_url=_DOCUMENT,
        title="ollama-server: API",
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=_ICON,
    )


async def _redoc() -> HTMLResponse:
    """The API, to read."""
    return get_redoc_html(
        openapi_url=_DOCUMENT,
        title="ollama-server: API",
        redoc_js_url=f"{_FILES}/redoc.standalone.js",
        redoc_favicon_url=_ICON,
        with_google_fonts=False,
    )
