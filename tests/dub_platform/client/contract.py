"""The contract's answers as Python has them: what `dub_platform/client/answers.py` must say.

    python -m tests.dub_platform.client.contract      # writes that file anew

The client takes nothing of ours along, so it has the shapes written out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from api.document import document
from api.operations import OPERATIONS
from dub_platform.local.stack import CHECKOUT

ANSWERS = CHECKOUT / "dub_platform" / "client" / "answers.py"
_RUFF = Path(sys.executable).parent / "ruff"
_REF = re.compile(r'"#/components/schemas/(\w+)"')
_PLAIN = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}
_HEAD = '''"""The shapes of the API's answers, as its contract (/openapi.json) has them.

    video: VideoAnswer = client.video("dQw4w9WgXcQ")
    video["dubs"][0]["status"]

Written by `python -m tests.dub_platform.client.contract`, and not by hand. What is NotRequired is
left out where there is none of it. A time is a text of ISO 8601.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict
'''

Schema = Mapping[str, Any]


def written() -> str:
    """The module, as the contract of this checkout has it."""
    schemas: Schema = document("", "")["components"]["schemas"]
    classes = [_class(name, schemas[name]) for name in sorted(_answered(schemas))]
    text = "\n\n".join([_HEAD, *classes])
    for command in ("check --quiet --select F401 --fix", "format"):
        ruff = [str(_RUFF), *command.split(), "--stdin-filename", str(ANSWERS), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def _answered(schemas: Schema) -> set[str]:
    """The names of the shapes that answers are made of."""
    shapes = [shape for each in OPERATIONS for shape in each.answers.values()]
    names = {shape.__name__ for shape in shapes if isinstance(shape, type)} | {"Problem"}
    wanted: set[str] = set()
    while names:
        wanted |= names
        names = set(_REF.findall(json.dumps([schemas[name] for name in names]))) - wanted
    return wanted


def _class(name: str, schema: Schema) -> str:
    if "enum" in schema:
        return f"{name} = {_kind(schema)}"
    said = schema.get("description", f"The part `{name}` of an answer.")
    end = "\n    " if "\n" in said else ""
    return f'class {name}(TypedDict):\n    """{said}{end}"""\n\n' + "\n".join(_fields(schema))


def _fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        kind = _kind(each)
        yield f"    {name}: {kind if name in required else f'NotRequired[{kind}]'}"


def _kind(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "anyOf" in schema:
        return " | ".join(map(_kind, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list[{_kind(schema['items'])}]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"dict[str, {_kind(schema['additionalProperties'])}]"
    return _PLAIN.get(schema.get("type", ""), "Any")


if __name__ == "__main__":
    ANSWERS.write_text(written())
