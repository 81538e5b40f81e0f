"""The tokens of a parsed answer as blocks for Gradio's Markdown.

A block is finished HTML, which it leaves as it is up to an empty line, or a block of code, which it highlights.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from markdown_it.token import Token

from ui.html.markdown import diagrams
from ui.html.markdown.timestamps import Clips
from ui.html.syntax import formulas
from ui.html.syntax.grounding_tokens import named, restored

# The names under which the page's Prism knows a language.
_PRISM = {
    "py": "python", "python3": "python", "pycon": "python", "sh": "bash", "shell": "bash", "zsh": "bash",
    "console": "bash", "c++": "cpp", "cc": "cpp", "cxx": "cpp", "h": "c", "hpp": "cpp", "js": "javascript",
    "jsx": "javascript", "mjs": "javascript", "ts": "javascript", "tsx": "javascript", "typescript": "javascript", "golang": "go", "rs": "rust",
    "yml": "yaml", "tex": "latex", "jsonc": "json", "json5": "json", "jsonl": "json", "c#": "clike", "cs": "clike",
    "csharp": "clike", "kotlin": "clike", "kt": "clike", "swift": "clike", "scala": "clike", "dart": "clike",
    "cuda": "cpp", "cu": "cpp",
}  # fmt: skip
_LANGUAGE = re.compile(r"[A-Za-z0-9#+.-]{1,30}")
_TASK = re.compile(r"\[([ xX])\] ")


def written(tokens: Sequence[Token], clips: Clips | None, *, draw: bool) -> str:
    """A block. clips: clips whose moments in JSON are linked; draw: diagrams, which are code otherwise."""
    shown: list[str] = []
    for number, token in enumerate(tokens):
        if token.type == "inline":
            shown.append(_line(token.children or []))
        elif token.type == "fence":
            shown.append(_fence(token, clips, draw=draw))
        elif token.type == "code_block":
            shown.append(_code(restored(token.content), ""))
        elif token.type == "formula_block":
            shown.append(f"<div>{_formula(token)}</div>\n")
        elif token.hidden:
            shown.append(_tight(tokens, number))
        else:
            shown.append(
                _tag(token) + "\n" * (token.nesting <= 0 or tokens[number + 1].type != "inline")
            )
    return "".join(shown)


def _line(children: Sequence[Token]) -> str:
    return "".join(_inline(token, first=not number) for number, token in enumerate(children))


def _inline(token: Token, *, first: bool) -> str:
    if token.type == "text":
        return _text(token.content, first=first)
    if token.type == "code_inline":
        return f"<code>{formulas.escape(restored(token.content))}</code>"
    if token.type == "formula_inline":
        return _formula(token)
    if token.type == "softbreak":
        return "<br>"
    if token.type == "link_open" and not token.meta:
        token.attrs |= {"target": "_blank", "rel": "noopener noreferrer nofollow"}
    return _tag(token)


def _tag(token: Token) -> str:
    if token.nesting < 0:
        return f"</{token.tag}>"
    attributes = "".join(
        f' {name}="{html.escape(str(value))}"' for name, value in token.attrs.items()
    )
    return f"<{token.tag}{attributes}>"


def _text(content: str, *, first: bool) -> str:
    if first and (task := _TASK.match(content)):
        content = ("☐ " if task[1] == " " else "☑ ") + content[task.end() :]
    return literal(content)


def literal(text: str) -> str:
    """Text that is read, a line break between its lines."""
    return formulas.escape(named(text)).replace("\n", "<br>")


def _tight(tokens: Sequence[Token], number: int) -> str:
    """The ends of a paragraph in a tight list."""
    opening = tokens[number].nesting > 0
    before = tokens[number - 1 if opening else number - 3]
    if before.type == "list_item_open":
        return "" if opening else "\n"
    # Behind a block of code a line must begin with a tag, or it would be Markdown again.
    return "<div>" if opening else "</div>\n"


def _formula(token: Token) -> str:
    content = restored(token.content)
    if formulas.can_be_set(content):
        return formulas.to_html(content, display=token.markup not in ("$", "\\("))
    if token.markup not in formulas.CLOSING:  # an environment, whose content has its ends
        return literal(content)
    return literal(f"{token.markup}{content}{formulas.CLOSING[token.markup]}")


def _fence(token: Token, clips: Clips | None, *, draw: bool) -> str:
    code = restored(token.content)
    named = _LANGUAGE.match(token.info.strip())
    language = named[0].lower() if named else ""
    if language != "mermaid":
        return _code(code, _PRISM.get(language, language)) + _moments(code, language, clips)
    if not draw or not diagrams.is_plain(code):
        return _code(code, "text")
    return f"\n```mermaid\n{code.strip()}\n```\n\n"


def _code(code: str, language: str) -> str:
    """At the beginning of a line wherever it belongs: the HTML around it is open."""
    code = code.removesuffix("\n")
    if "LATEX_BLOCK" in code:
        lines = formulas.escape(code).replace("\n", "&#10;")
        return f'<div class="code_wrap"><pre><code>{lines}</code></pre></div>\n'
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    if re.search("^ *\t", code, re.MULTILINE):
        # Gradio's Markdown makes spaces of tabs at the beginning of a line. It takes away the indentation of the
        # fence, and a no-break space is one as well.
        code = re.sub("^", "\u00a0", code, flags=re.MULTILINE)
        return f"\n {fence}{language}\n{code}\n{fence}\n\n"
    return f"\n{fence}{language}\n{code}\n{fence}\n\n"


def _moments(code: str, language: str, clips: Clips | None) -> str:
    """A paragraph of the moments in a JSON block, which itself cannot hold links."""
    links = clips.links(code) if clips and language == "json" else []
    linked = " ".join(
        f'<a href="{html.escape(link.address)}">{formulas.escape(code[link.start : link.end])}</a>'
        for link in links
    )
    return f"<p>{linked}</p>\n" if linked else ""
