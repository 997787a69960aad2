"""Write the hashes of what every chat template of the llama.cpp source renders.

Run it after a deliberate change, with LLAMA_CPP_SOURCE set:
``python tests/golden/make_template_goldens.py``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "chat"))

from template_cases import GOLDEN, HOW_TO_GET, llama_templates
from template_rendering import hashes


def main() -> None:
    """Render everything and write the file."""
    templates = llama_templates()
    if not templates:
        sys.exit(HOW_TO_GET)
    golden = {path.stem: hashes(path.read_text(encoding="utf-8")) for path in templates}
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(golden)} templates written to {GOLDEN}")


if __name__ == "__main__":
    main()
