"""Random JSON Schemas: whatever the model would say, what comes out parses and validates."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest

from ollama_server.engine import protocol as p

from .runner import Runner

BATCHES, AT_ONCE = 25, 40
WORDS = ("tide", "harbour", "Ümlaut", "名前", "a b", "x", "long_name_with_parts", "10")
PATTERNS = (r"^[a-z]{2,8}$", r"^[A-Z][a-z]{1,9} [0-9]{1,3}$", r"^\d{4}-\d{2}-\d{2}$", "^(yes|no)$")


class Schemas:
    """Random schemas of the shapes that applications ask for, with finite answers."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._definitions: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """A whole schema: an object, with definitions where it refers to some."""
        schema = self._object(3)
        if self._definitions:
            schema["$defs"] = self._definitions
        return schema

    def _any(self, depth: int) -> dict[str, Any]:
        leaves = (self._string, self._integer, self._number, self._choice, self._constant)
        inner = (self._object, self._array, self._either, self._reference)
        if depth > 0 and self._rng.random() < 0.4:
            return self._rng.choice(inner)(depth - 1)
        if self._rng.random() < 0.15:
            return {"type": self._rng.choice(["boolean", "null"])}
        return self._rng.choice(leaves)()

    def _object(self, depth: int) -> dict[str, Any]:
        names = self._rng.sample(WORDS, self._rng.randint(1, 4))
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self._any(depth) for name in names},
            "required": self._rng.sample(names, self._rng.randint(0, len(names))),
            "additionalProperties": False,
        }
        return schema

    def _array(self, depth: int) -> dict[str, Any]:
        least = self._rng.randint(0, 2)
        most = least + self._rng.randint(0, 3)
        return {"type": "array", "items": self._any(depth), "minItems": least, "maxItems": most}

    def _either(self, depth: int) -> dict[str, Any]:
        return {"anyOf": [self._any(depth), self._any(depth)]}

    def _reference(self, depth: int) -> dict[str, Any]:
        name = f"part{len(self._definitions)}"
        self._definitions[name] = {}
        self._definitions[name] = self._any(depth)
        return {"$ref": f"#/$defs/{name}"}

    def _string(self) -> dict[str, Any]:
        if self._rng.random() < 0.4:
            return {"type": "string", "pattern": self._rng.choice(PATTERNS)}
        return {"type": "string", "maxLength": self._rng.randint(1, 12)}

    def _integer(self) -> dict[str, Any]:
        low = self._rng.randint(-1000, 1000)
        return {"type": "integer", "minimum": low, "maximum": low + self._rng.randint(0, 500)}

    def _number(self) -> dict[str, Any]:
        low = self._rng.randint(-50, 50)
        return {"type": "number", "minimum": low, "maximum": low + self._rng.randint(1, 9)}

    def _choice(self) -> dict[str, Any]:
        values: list[Any] = [*self._rng.sample(WORDS, 2), self._rng.randint(0, 9), None]
        return {"enum": self._rng.sample(values, self._rng.randint(1, 4))}

    def _constant(self) -> dict[str, Any]:
        return {"const": self._rng.choice([*WORDS, 7, True])}


def ask(runner: Runner, schema: dict[str, Any], seed: int) -> p.Generate:
    """A hot generation that only the schema holds together."""
    return runner.request(
        "<|im_start|>user\nAnswer as JSON.<|im_end|>\n<|im_start|>assistant\n",
        sampling=p.Sampling(temperature=1.5, top_k=0, top_p=1.0, seed=seed),
        grammar=p.Grammar("json_schema", json.dumps(schema)),
        max_tokens=500,
    )


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_schemas_are_obeyed(batch: int, runner: Runner) -> None:
    """1,000 generations in all, many at once."""
    seeds = range(batch * AT_ONCE, (batch + 1) * AT_ONCE)
    schemas = [Schemas(seed).document() for seed in seeds]
    requests = [ask(runner, schema, seed) for schema, seed in zip(schemas, seeds, strict=True)]
    for schema, answer in zip(schemas, runner.generate_all(requests), strict=True):
        # Numbers may have digits without end; such an answer is cut, and only such a one.
        if answer.finished.reason == "length":
            assert '"number"' in json.dumps(schema), answer.text
            continue
        jsonschema.validate(json.loads(answer.text), schema)
