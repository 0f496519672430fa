"""REST: the documented API over one station's loop.

A route reads a strict body, hands a fact to the loop, and shows what the loop says came of it; it decides nothing.
Kilowatts and camelCase exist only here. Failures of every kind are `application/problem+json`. `create_app` in
`api.app` puts it together; the documentation (`/openapi.json`, `/docs`) is made from the same tables as the answers.
"""
