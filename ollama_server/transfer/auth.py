"""The token challenge: a registry answers 401 and says where a token can be had."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx

from ollama_server.errors import TransferError
from ollama_server.transfer.keys import KeyPair
from ollama_server.transfer.net import Refused, reach

# The registry signs over base64 of the hex text, not of the digest's bytes.
_EMPTY_BODY = b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()

_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^",\s]*))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """The parts of ``WWW-Authenticate: Bearer realm=…,service=…,scope=…``."""

    realm: str = ""
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, header: str) -> Challenge:
        """Read the header; keys it lacks stay empty."""
        found = {
            name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(header)
        }
        return cls(
            realm=found.get("realm", ""),
            service=found.get("service", ""),
            scope=found.get("scope", ""),
        )

    def url(self, *, now: int | None = None, nonce: str | None = None) -> str:
        """Where to ask for the token; the query's keys are sorted, as they are signed."""
        parts = urlsplit(self.realm)
        query = parse_qsl(parts.query, keep_blank_values=True)
        query.append(("service", self.service))
        query += [("scope", scope) for scope in self.scope.split()]
        query.append(("ts", str(int(time.time()) if now is None else now)))
        query.append(("nonce", nonce or _nonce()))
        query.sort(key=lambda pair: pair[0])
        return urlunsplit(parts._replace(query=urlencode(query)))


def _nonce() -> str:
    return urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def text_to_sign(method: str, url: str) -> str:
    """What the key signs for a request without a body."""
    return f"{method},{url},{_EMPTY_BODY}"


async def fetch_token(client: httpx.AsyncClient, header: str, host: str, key: KeyPair) -> str:
    """A token for the challenge in ``header``, which the registry at ``host`` sent.

    Raises TransferError: the realm is on another host, or the token is refused.
    """
    challenge = Challenge.parse(header)
    url = challenge.url()
    realm_host = urlsplit(url).netloc
    if realm_host != host:
        # The signature proves who we are: nobody but the registry itself gets one.
        raise TransferError(f'realm host "{realm_host}" does not match original host "{host}"')
    signed = {"Authorization": key.sign(text_to_sign("GET", url))}
    with reach("Get", url):
        response = await client.get(url, headers=signed)
        if response.status_code in (400, 401, 403):
            # Registries that know no key pairs stumble over the signature but serve the public.
            anonymous = await client.get(url)
            response = anonymous if anonymous.is_success else response
    if response.status_code >= 400:
        raise Refused(response.status_code, response.text)
    return _token(response)


def _token(response: httpx.Response) -> str:
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        for field in ("token", "access_token"):
            if isinstance(answer.get(field), str) and answer[field]:
                return str(answer[field])
    raise TransferError(f"{response.url.host} answered the token request without a token")
