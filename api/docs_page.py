"""`/docs`: the OpenAPI document as one page of HTML that needs nothing else: no script, no font, no other request.

Every text is escaped, and the page's policy forbids everything but its own style sheet.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

from api.problems import Kind

Json = dict[str, Any]

_SERVER = "http://localhost:3000"

_KEYS = (
    "Where the server asks for a key (csms serve --rest-access), every call needs one, but those that say that they "
    "need none: send it as Authorization: Bearer KEY. Without one that is in force the answer is 401, where its role "
    "does not reach 403. Any call can be answered 421 (under another name than ours) and 429 (too many requests)."
)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-bottom: 1px solid #8888; margin-top: 2.5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.875rem; }
pre { background: #8881; border-radius: 4px; padding: 0.75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8883; }
.method { background: #0a6; border-radius: 4px; color: #fff; padding: 0.1rem 0.5rem; }
.post { background: #06c; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def render(document: Json) -> str:
    """Return the page for an OpenAPI document whose examples are complete."""
    info = document["info"]
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        '<p>The same as a document for tools: <a href="/openapi.json">/openapi.json</a>.</p>',
        f"<p>{escape(_KEYS)}</p>",
        _contents(operations),
        *(_operation(method, path, operation) for method, path, operation in operations),
        "<h2>Problems</h2>",
        _table(("problem", "status", "meaning"), (_kind(kind) for kind in Kind)),
        "<h2>Schemas</h2>",
        *(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
    ]
    head = f'<meta charset="utf-8"><title>{escape(info["title"])}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _contents(operations: list[tuple[str, str, Json]]) -> str:
    rows = (
        (f'<a href="#{_anchor(method, path)}"><code>{_call(method, path)}</code></a>', escape(operation["summary"]))
        for method, path, operation in operations
    )
    return _table(("call", "what it does"), rows)


def _operation(method: str, path: str, operation: Json) -> str:
    described = escape(operation.get("description") or operation["summary"])
    name = f'<span class="method {method}">{method.upper()}</span> <code>{escape(path)}</code>'
    parts = [f'<h2 id="{_anchor(method, path)}">{name}</h2><p>{described}</p><p>{escape(_needs(operation))}</p>']
    parameters = operation.get("parameters", [])
    if parameters:
        rows = (
            (f"<code>{escape(one['name'])}</code>", escape(one["in"]), escape(one["description"])) for one in parameters
        )
        parts.append(_table(("parameter", "in", "meaning"), rows))
    parts += _request(method, path, operation)
    parts += [
        _response(status, response)
        for status, response in sorted(operation["responses"].items())
        if "$ref" not in response  # of every operation: said once
    ]
    return "".join(parts)


def _needs(operation: Json) -> str:
    """Return which key an operation needs."""
    if "security" not in operation:
        return "Needs no key."
    ((role,),) = operation["security"][0].values()
    return f"Needs a key with the role {role}" + (" or above." if role != "admin" else ".")


def _request(method: str, path: str, operation: Json) -> Iterator[str]:
    """Yield the body's schema, and a command line for each example (one for a call without a body)."""
    option = "" if method == "get" else f" -X {method.upper()}"
    target = _SERVER + path
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            example = parameter.get("example") or parameter["schema"]["examples"][0]
            target = target.replace(f"{{{parameter['name']}}}", example)
    body = operation.get("requestBody")
    if body is None:
        yield f"<pre>{escape(f'curl{option} {target}')}</pre>"
        return
    ((media_type, content),) = body["content"].items()
    yield f"<p>Body: {_type(content['schema'])}</p>"
    for example in content["examples"].values():
        is_json = media_type == "application/json"
        data = f"-d '{json.dumps(example['value'])}'" if is_json else f"--data-binary $'{_quoted(example['value'])}'"
        command = f"curl{option} {target} -H 'Content-Type: {media_type}' {data}"
        yield f"<pre>{escape(command)}</pre>"


def _quoted(text: str) -> str:
    """Return text as a shell reads it between $'…'."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\r", "").replace("\n", "\\n")


def _response(status: str, response: Json) -> str:
    parts = [f"<p><strong>{escape(status)}</strong> {escape(response['description'])}</p>"]
    for media_type, content in response.get("content", {}).items():
        examples = "\n\n".join(_shown(one["value"]) for one in content["examples"].values())
        label = f"{escape(media_type)}: {_type(content['schema'])}"
        parts.append(f"<details><summary>{label}</summary><pre>{escape(examples)}</pre></details>")
    return "".join(parts)


def _shown(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2)


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = (
        (
            f"<code>{escape(field)}</code>",
            _type(value) + ("" if field in required else ", optional") + _bounds(value),
            escape(value.get("description", "")),
        )
        for field, value in schema["properties"].items()
    )
    described = escape(schema.get("description", ""))
    return f'<h3 id="schema-{escape(name)}">{escape(name)}</h3><p>{described}</p>' + _table(
        ("field", "type", "meaning"), rows
    )


def _type(schema: Json) -> str:
    """Return a schema's type in a few words, linked where it is one of the named ones."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return escape(" or ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")])))
    if "type" not in schema:
        return "any value"
    if schema["type"] == "array":
        return "list of " + _type(schema["items"])
    if schema["type"] == "object":
        values = schema.get("additionalProperties")
        return "object of " + _type(values) if isinstance(values, dict) else "object"
    return escape(schema["type"])


def _bounds(schema: Json) -> str:
    least, greatest = schema.get("minimum"), schema.get("maximum")
    bounds = "" if least is None or greatest is None else f", {least} to {greatest}"
    return bounds + (f", default {escape(json.dumps(schema['default']))}" if "default" in schema else "")


def _kind(kind: Kind) -> tuple[str, str, str]:
    return f'<span id="{kind.anchor}">{escape(kind.title)}</span>', str(kind.status), escape(kind.meaning)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Return a table; the cells are HTML."""
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _call(method: str, path: str) -> str:
    return f"{method.upper()} {escape(path)}"


def _anchor(method: str, path: str) -> str:
    return escape(method + path.translate(str.maketrans("/{}", "-..")).replace(".", ""))
