import pytest

from tests.docs.console_blocks import blocks, pattern

TEXT = """
Some words.

```console
$ echo a \\
> b
a b
$ true
```

<!-- not run: needs docker -->
```console
$ docker compose up
```

<!-- exits with 1 -->

   ```console
   $ false
   ```

```json
{"not": "run"}
```
"""


def test_blocks_of_a_page() -> None:
    first, second, third = blocks(TEXT)
    assert [(c.line, c.text, c.shown, c.status) for c in first.commands] == [
        (5, "echo a \\\nb", ["a b"], 0),
        (8, "true", None, 0),
    ]
    assert (first.reason, second.reason, third.reason) == (None, "needs docker", None)
    assert [(c.text, c.status) for c in third.commands] == [("false", 1)]


def test_output_without_a_command_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 2"):
        blocks("```console\nhello\n```\n")


@pytest.mark.parametrize(
    ("shown", "output", "matches"),
    [
        (["a"], "a\n", True),
        (["a"], "b\n", False),
        (["a"], "a\nb\n", False),
        (["a…c"], "abbc\n", True),
        (["a…c"], "ab\nc\n", False),
        (["a", "…"], "a\nb\nc\n", True),
        (["…", "c"], "a\nb\nc\n", True),
        (["…", "c"], "a\nb\n", False),
        (["(.*)"], "x\n", False),
    ],
)
def test_shown_output(shown: list[str], output: str, matches: bool) -> None:  # noqa: FBT001  # a column of the table
    assert bool(pattern(shown).fullmatch(output)) is matches
