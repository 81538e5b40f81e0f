"""An answer is shown as it was meant, at every moment, and nothing in it can act."""

from __future__ import annotations

import random
import re

import pytest

from tests.support.hard_answers import HARD, read
from ui.html import messages as messages_html
from ui.html.markdown import answer as markdown
from ui.html.markdown.answer import to_html
from ui.html.markdown.timestamps import Clips, Player
from ui.html.syntax.formulas import MARK
from ui.html.syntax.segments import segments

OURS = re.compile(
    r"</?(?:p|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|h[1-6]|em|strong|s|code|pre|div)>|<(?:br|hr)>"
    r'|<(?:p|ul|ol|blockquote|table|h[1-6]) dir="auto">|<t[hd] style="text-align:(?:left|right|center)">'
    r'|<ol (?:dir="auto" )?start="\d+"(?: dir="auto")?>|<div class="code_wrap">'
    r'|<a href="(?:https?|mailto):[^"<>]*"(?: title="[^"<>]*")? target="_blank" rel="noopener noreferrer nofollow">|</a>'
)
FENCED = re.compile(r"^ ?(`{3,})[a-z0-9#+.-]*\n.*?^\1$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", HARD)
def test_a_hard_answer_reads_as_it_was_meant(name: str) -> None:
    assert read(to_html(HARD[name].answer)) == HARD[name].reads


@pytest.mark.parametrize("name", HARD)
def test_an_answer_that_grows_shows_nothing_that_it_takes_back(name: str) -> None:
    hard = HARD[name]
    for end in range(len(hard.answer) + 1):
        shown = read(to_html(hard.answer[:end], arriving=True))
        assert hard.reads.startswith(shown), hard.answer[:end]


@pytest.mark.parametrize("seed", range(60))
def test_nothing_of_an_answer_is_html_or_a_picture(seed: int) -> None:
    """Gradio's Markdown reads on the page what is written here: HTML of ours, and blocks of code that are closed."""
    draw = random.Random(seed)
    pieces = ("`", "``", "```", "~~~", "\\", "$$", "$", "\\[", "\\(", "\n", "\n\n", "- ", "1. ", "> ", "  ", "    ", "\t",
              "| a |", "|--|", "# ", "html", "mermaid", "**", "_", "<img src=logout>", "![a](logout)", "<b>",
              "</code></pre>", "x", "<|box_start|>", "[a](https://a.org/\"x)", "https://a.org/", MARK,
              "%%%LATEX_BLOCK_0%%%")  # fmt: skip
    answer = "".join(draw.choices(pieces, k=80))
    for written in (
        to_html(answer),
        *(to_html(answer[:n], arriving=True) for n in range(0, 300, 7)),
    ):
        rest = FENCED.sub("\n\n", f"{written}\n")
        rest = re.sub(r"^ ?`{3,}[a-z0-9#+.-]*\n.*\Z", "\n\n", rest, flags=re.DOTALL | re.MULTILINE)
        assert not re.search(r"[<>]", OURS.sub("", rest)), answer
        assert "%%%LATEX_BLOCK" not in written
        for line in re.findall(r"\n\n+([^\n])", rest):
            assert line == "<", answer  # a line that is no HTML would be Markdown again


@pytest.mark.parametrize("seed", range(60))
def test_parts_of_an_answer_mean_alone_what_they_mean_together(seed: int) -> None:
    draw = random.Random(seed)
    pieces = ("- a\n", "1. b\n", "\n", "\n\n", "    c\n", "  d\n", "```\n", "~~~\n", "> e\n", "# f\n", "---\n", "| g |\n",
              "|--|\n", "**h\n", "i**\n", "$$\n", "\\[\n", "\\]\n", "`", "\t")  # fmt: skip
    answer = "".join(draw.choices(pieces, k=40))
    parts = segments(answer)
    assert "".join(parts) == answer
    once = "\n".join(f"{to_html(part)}\n" for part in parts if to_html(part))
    one_by_one = re.sub(r"\n+", "\n", once.strip("\n"))
    whole = markdown._to_html(answer, markdown._Reading(None))[0]
    assert re.sub(r"\n+", "\n", whole.strip("\n")) == one_by_one, answer


def test_a_growing_answer_is_read_anew_from_its_last_part_only() -> None:
    assert segments("a\n\nb\n\n- c\n\n- d\n\n  e\n\nf") == [
        "a\n\n",
        "b\n\n",
        "- c\n\n- d\n\n  e\n\n",
        "f",
    ]
    assert segments("```\na\n\nb\n```\n\nc") == ["```\na\n\nb\n```\n\n", "c"]
    for closes_nothing in ("``` x", "~~~", "``"):
        code = f"```\na\n{closes_nothing}\n\nb\n```"
        assert segments(code) == [code]


def test_what_is_sent_of_a_growing_answer_begins_with_what_was_sent() -> None:
    answer = "# One\n\nTwo words and more.\n\n- three\n- four"
    sent = ""
    for end in range(len(answer)):
        now = to_html(answer[:end], arriving=True)
        assert now.startswith(sent) or not now
        sent = now or sent


# An answer, and what its HTML holds.
FRAGMENTS = {
    "[1]: https://a.org": ">[1]: <a ",
    "a\nb": "a<br>b",
    "a\r\nb": "a<br>b",
    "12345678. x": "<p ",
    "**「a」**x": "<strong>「a」</strong>x",
    "**(x)**ｱ": "<strong>(x)</strong>ｱ",
    "x__init__ y": "x__init__ y",
    "__init__x": "__init__x",
    "__a__": ">__a__<",
    "[a https://b.org](https://c.org)": 'nofollow">a https://b.org</a></p>',
    "https:// https://.": ">https:// https://.<",
    "$5 for bread or $x$": f">$5 for bread or {MARK}",
    "It is $5 today$.": "$5 today$",
    "$the price is$": "$the price is$",
    "$가격$": "$가격$",
    "$ a$": "$ a$",
    "$a $": "$a $",
    r"See \[1, 2\]": ">See [1, 2]<",
    "a$x$ b": "a$x$ b",
    "    $$\n    x\n    $$": "```\n$$\nx\n$$\n```",
    "$$$$ x": "$$$$ x",
    "\\[\nx \\\\[2pt]\ny\n\\]": "[x \\\\[2pt]&#10;y\\]",
    "    <|box_start|>": "```\n<|box_start|>\n```",
    r"\(<|box_start|>x\)": "&lt;|box_start|&gt;x",
    '[a](https://a.org "x<y>&")': 'title="x&lt;y&gt;&amp;"',
    "**b** [ ] c": "</strong> [ ] c",
    "**b**[ ] c": "</strong>[ ] c",
    "- a\n- b": "<li>\na\n</li>",
    "- ```\n  x\n  ```\n  b": "```\n\n<div>b</div>",
}


@pytest.mark.parametrize("answer", FRAGMENTS)
def test_an_answer_is_read_by_its_rules(answer: str) -> None:
    assert FRAGMENTS[answer] in to_html(answer)


GROWING = {
    "**a `b` *c": "<strong>a <code>b",
    "**a\n- b": "**a</p>",
    "- **a\n- b": "**a\n</li>",
    "**a": "<strong>a",
    "**a " * 8: "**a " * 7 + "<strong>a",
    "**a " * 9: "**a " * 8 + "**a",
    "*a " + "b" * 60: f"*a {'b' * 60}",
    "**a *b* c": "<strong>a <em>b</em> c",
}


@pytest.mark.parametrize("answer", GROWING)
def test_an_emphasis_without_an_end_is_one_in_the_last_block_only(answer: str) -> None:
    assert GROWING[answer] in to_html(answer, arriving=True)


def test_a_list_begins_with_any_number_but_a_year() -> None:
    assert to_html("7. a\n8. b").startswith('<ol start="7" dir="auto">')
    assert "<ol" not in to_html("2024. It was.") and "<li>" in to_html("- 2024\n- x")


def test_only_addresses_of_the_web_and_of_mail_are_links() -> None:
    for address in ("https://a.org/x", "http://a.org", "mailto:a@a.org"):
        assert f'<a href="{address}" target="_blank" rel="noopener' in to_html(f"[x]({address})")
        assert f'<a href="{address}" target="_blank" rel="noopener' in to_html(f"<{address}>")
    for address in ("javascript:x", "/logout", "//a.org", "data:text/html,x", "ftp://a.org", "file:///etc", "#t=5",
                    "https://a.org/logout", "http://127.0.0.1:7860/chat/logout?x", "vbscript:x"):  # fmt: skip
        assert "<a " not in to_html(f"[x]({address})"), address
        assert "<a " not in to_html(address), address


def test_a_picture_named_by_an_answer_is_a_link_that_waits_for_a_click() -> None:
    assert to_html("![a](https://example.org/x)").startswith('<p dir="auto">!<a href="https://')
    assert to_html("`![a](b)`") == '<p dir="auto"><code>![a](b)</code></p>'


def test_an_address_ends_where_the_sentence_goes_on() -> None:
    for text, address in (
        ("https://a.org에서", "https://a.org"),
        ("(https://a.org/b).", "https://a.org/b"),
        ("https://a.org/b_(c), and", "https://a.org/b_(c)"),
        ("**https://a.org/b**", "https://a.org/b"),
        ("见https://a.org/b。", "https://a.org/b"),
    ):
        assert f">{address}</a>" in to_html(text), text
    assert "<a " not in to_html("xhttps://a.org `https://a.org` https:// http://")


BOXES = (
    "<|object_ref_start|>the cat<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|><|box_start|>(5,6),(7,8)<|box_end|>"
    "<|object_ref_start|>a dog<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>."
)


def test_boxes_that_follow_each_other_are_told_apart() -> None:
    assert messages_html.readable(BOXES) == "the cat (1,2),(3,4), (5,6),(7,8), a dog (1,2),(3,4)."


def test_what_is_drawn_by_its_name_is_written_by_its_name() -> None:
    assert to_html(BOXES) == '<p dir="auto">the cat, a dog.</p>'
    nameless = "<|box_start|>(1,2),(3,4)<|box_end|>"
    assert to_html(f"At {nameless}{nameless}") == '<p dir="auto">At (1,2),(3,4), (1,2),(3,4)</p>'


def test_code_keeps_its_language_and_every_character() -> None:
    assert to_html("```C++ title=x\n<b> & `\n```") == "```cpp\n<b> & `\n```"
    assert to_html("````\n```\n*b*\n````") == "````\n```\n*b*\n````"
    assert to_html("    a < b\n      c") == "```\na < b\n  c\n```"
    assert to_html('```"><b>\nx\n```') == "```\nx\n```"
    assert to_html("```\n<|box_start|>\n```") == "```\n<|box_start|>\n```"


def test_code_in_a_list_keeps_its_own_indentation_only() -> None:
    assert to_html("- see\n\n  ```html\n  <p>\n    <b>\n  ```\n  so").split("\n\n")[1] == (
        "```html\n<p>\n  <b>\n```"
    )


def test_tabs_of_code_are_kept_from_the_page() -> None:
    """Its Markdown takes the indentation of the fence from each line, and makes spaces of tabs that come first."""
    assert to_html("```make\na:\n\tb\n```") == " ```make\n\u00a0a:\n\u00a0\tb\n```"


def test_formulas_stand_between_delimiters_that_no_answer_has() -> None:
    assert f"{MARK}\\(a &lt; b\\){MARK}" in to_html(r"\(a < b\)")
    assert f"{MARK}\\[x&#10;+ y\\]{MARK}" in to_html("$$\nx\n+ y\n$$")
    assert MARK not in to_html(f"{MARK}\\(x {MARK}\\)").replace(f"{MARK}\\(x \\){MARK}", "")
    assert MARK not in to_html("`\\(x\\)` $5 and $6 \\$a$ \\\\(x\\\\)")


def test_delimiters_with_nothing_between_them_are_text() -> None:
    for written in (
        "$$\n$$",
        "So:\n$$\n  $$\nDone.",
        "\\begin{align}\n\\end{align}",
        "$$$$",
        "$$ $$",
    ):
        assert read(to_html(written)) == re.sub(r"\s", "", written)


def test_a_formula_that_nests_too_deep_is_text() -> None:
    for deep in ("\\sqrt{" * 51 + "x" + "}" * 51, "x^{" * 51 + "}" * 51, "\\left(" * 51 + "\\right)" * 51, "\\sqrt" * 51 + "x",
                 "\\begin{matrix}" * 51, "x" * 5001):  # fmt: skip
        for written in (f"$${deep}$$", f"\\({deep}\\)", f"\\[\n{deep}\n\\]"):
            assert MARK not in to_html(written)
            assert read(to_html(written)) == re.sub(r"\s", "", written)
    assert MARK in to_html("$$" + "\\sqrt{" * 40 + "x" + "}" * 40 + "$$")


def test_a_formula_that_would_cover_the_page_is_text() -> None:
    for large in (
        "\\rule{999em}{1em}",
        "\\rule{1em}{30em}",
        "\\rule[500pt]{1pt}{1pt}",
        "\\hspace{-99em}x",
        "a \\\\[4000pt] b",
        "\\kern-99em x",
        "\\def\\a{9}\\rule{\\a\\a\\a em}{1em}",
        "\\newcommand{\\a}{x}",
    ):
        assert MARK not in to_html(f"\\({large}\\)"), large
    for small in (
        "\\rule{2em}{0.5pt}",
        "a \\\\[10pt] b",
        "x_{100}",
        "10^{12} + \\text{250 cm}",
        "\\hspace{1cm}",
    ):
        assert MARK in to_html(f"\\({small}\\)"), small


def test_a_plain_diagram_is_drawn_and_any_other_is_code() -> None:
    plain = "```mermaid\ngraph TD; A[Start] --> B{Ready?}; B -->|yes| C\n```"
    assert to_html(plain) == plain
    for line in (
        "A[<img src=x onerror=y>]",
        "A[&lt;img&gt;]",
        "A[#lt;img#gt;]",
        '%%{init: {"themeCSS": "*{}"}}%%',
        'click A "https://example.org"',
        'link A "//example.org"',
        "links Alice: {}",
        "A --> B; click A call b()",
        "---\nconfig: {}",
        "style A position:fixed",
        "A@{ img: 'https://example.org' }",
        "A[\\x3c]",
        "A ```x\n<b>",
        "STYLE A position:fixed",
        "accTitle: x",
        "---x",
        "A[URL(x)]",
        "A" * 5000,
    ):
        for first, then in (("", ""), ("> ", "> "), ("- ", "  ")):
            lines = ("```mermaid  ", "graph TD", line, "```")
            written = to_html(first + f"\n{then}".join(lines))
            assert "mermaid" not in written and "```text" in written, line
    for kind in ("architecture-beta", "C4Context", "block-beta", ""):
        assert "mermaid" not in to_html(f"```mermaid\n{kind}\na\n```")
    assert to_html(plain, arriving=True).startswith("```text")
    assert "mermaid" not in to_html(f"{plain}\n\nSo", arriving=True)
    assert "mermaid" not in to_html("```mer<|box_start|>maid\n<b>\n```")


def test_each_block_finds_its_own_direction() -> None:
    for answer, tag in (("سلام", "p"), ("- سلام", "ul"), ("1. سلام", "ol"), ("> سلام", "blockquote"), ("# سلام", "h1"),
                        ("| سلام |\n|--|", "table")):  # fmt: skip
        assert to_html(answer).startswith(f'<{tag} dir="auto">')
    # A block that has a direction of its own tells nothing about the one around it.
    assert to_html("> - سلام").count("dir=") == 1


def test_what_cannot_be_read_in_time_is_text() -> None:
    for answer in (
        "> " * 100 + "deep",
        "- " * 100 + "deep",
        "*a* " * 10_000,
        "*" * 99 + "x" + "*" * 99,
        "a*\n" * 40_000,
    ):
        assert read(to_html(answer)) == re.sub(r"\s", "", answer)


def test_emphases_that_have_no_end_yet_nest_no_deeper_than_a_few() -> None:
    assert to_html("**a ~~b __c d", arriving=True).endswith("<strong>a <s>b <strong>c d")
    assert to_html("**a " * 100, arriving=True).count("<strong>") == 0


def test_an_emphasis_without_an_end_is_one_while_its_line_may_close_it() -> None:
    """So a whole paragraph is never bold first and plain then."""
    bold = '<p dir="auto"><strong>Note: a'
    assert to_html("**Note: a", arriving=True) == bold
    for answer in (
        "**Note: a\nb",
        "**Note: a **b",
        "**(a)**b",
        "__粗体__和",
        "**" + "a " * 160 + "b",
    ):
        marks = answer[:2]
        assert to_html(answer, arriving=True).startswith(f'<p dir="auto">{marks}'), answer


def test_an_emphasis_in_any_cell_is_one_before_its_end_is_there() -> None:
    assert to_html("| a | b |\n|--|--|\n| **bold", arriving=True).count("<strong>bold") == 1


def test_what_stands_in_a_block_of_code_holds_nothing_back() -> None:
    for code in ("echo $$ $x", "a[0", "x = `", "\\[ \\( <b"):
        for fence in ("```", "~~~"):
            block = f"{fence}\n{code}\n{fence}"
            assert code in to_html(block, arriving=True), block
            assert to_html(f"{block}\nThen this.", arriving=True).endswith("Then this."), block


def test_a_line_with_a_bar_waits_no_longer_than_the_head_of_a_table() -> None:
    said = "The probability P(A | B) is that of A"
    assert to_html(said, arriving=True) == '<p dir="auto">The probability P(A'
    more = said + ", once it is known that B has happened, and it may differ from that of A."
    assert to_html(more, arriving=True).endswith("from that of A.")
    assert to_html("Here `a | b` is", arriving=True).endswith("</code> is")
    assert to_html("Here $P(A | B)$ is", arriving=True).endswith(" is")


def test_an_answer_that_is_json_keeps_every_character() -> None:
    bare = '{\n  "text": "*x* and __y__ # <b>",\n  "boxes": [[1, 2], [3, 4]]\n}'
    assert to_html(bare) == f"```json\n{bare}\n```"
    for end in range(8, len(bare) + 1):
        shown = to_html(bare[:end], arriving=True)
        assert shown.startswith("```json\n{") and bare[:end].rstrip() in shown, bare[:end]
    assert to_html(f"{bare}\n\n**So**").endswith("<strong>So</strong></p>")
    assert to_html('["*a*"]\n["*b*"]') == '```json\n["*a*"]\n["*b*"]\n```'
    assert to_html('[{"*a*": 1') == '```json\n[{"*a*": 1\n```'
    for other in ('["a"](https://a.org)', "[[wiki]] *a*", "{x} *a*", '{"a" *b*'):
        assert "```" not in to_html(other), other


def test_no_cell_of_a_table_is_left_out() -> None:
    head = "| a | b |\n|---|---|\n"
    assert "<td>2 | 3 |  | 4</td>" in to_html(f"{head}| 1 | 2 | 3 |  | 4 |\n")
    assert to_html(f"{head}| 1 |").count("<td>") == 2
    for cell in ("`x | y`", "`` a|`b ``", "$|x|$", r"\(|x|\)"):
        written = to_html(f"{head}| {cell} | last |\n")
        assert written.count("<td>") == 2 and "<td>last</td>" in written, cell
    assert "<td>$5</td>\n<td>$6</td>" in to_html(f"{head}|$5|$6|")
    assert "<td>a `b</td>\n<td>c</td>" in to_html(f"{head}| a `b | c |")


def test_a_break_that_html_has_is_one_in_a_cell_only() -> None:
    written = to_html("| a<BR>b |\n|---|\n| c<br/>d `<br>` |\n\n<br>")
    assert "<th>a<br>b</th>" in written and "<td>c<br>d <code>&lt;br&gt;</code></td>" in written
    assert '<p dir="auto">&lt;br&gt;</p>' in written


def test_an_environment_of_latex_is_a_formula_without_dollars() -> None:
    for name in ("align", "equation*", "pmatrix"):
        formula = f"\\begin{{{name}}}\na &= b \\\\\nc\n\\end{{{name}}}"
        item = "- " + formula.replace("\n", "\n  ")
        for written in (to_html(f"So:\n{formula}\n\nDone."), to_html(item)):
            assert (
                f"{MARK}\\[\\begin{{{name}}}&#10;a &amp;= b \\\\&#10;c&#10;\\end{{{name}}}\\]{MARK}"
                in written
            )
    for text in ("\\begin{align}\na", "\\begin{document}\na\n\\end{document}", "\\end{align}"):
        assert MARK not in to_html(text)


def test_a_line_below_several_makes_no_heading_of_them() -> None:
    """A receipt that was read ends like this."""
    assert to_html("MILK $3\nTOTAL $7\n-------").endswith("TOTAL $7</p>\n\n<hr>")
    assert to_html("MILK $3\nTOTAL $7\n=====").endswith("TOTAL $7<br>=====</p>")
    assert (
        to_html("Title\n---\n\nOne\n===") == '<h2 dir="auto">Title</h2>\n\n<h1 dir="auto">One</h1>'
    )


def test_a_link_without_a_text_or_an_address_is_seen() -> None:
    assert ">https://a.org/b</a>" in to_html("[](https://a.org/b)")
    assert to_html("[*a*]()") == '<p dir="auto">[<em>a</em>]()</p>'


def test_unclosed_fence_is_code_to_the_end() -> None:
    assert to_html("```\n*b*\n<b>") == "```\n*b*\n<b>\n```"
    assert to_html("```\n*b*\n<b>", arriving=True) == "```\n*b*\n<b>\n```"


def test_moments_of_text_are_links_and_those_of_code_are_not() -> None:
    seen = Clips({1: Player(1, 0.0, 60.0)}, 1)
    written = to_html("**At 0:05** `0:06` [0:07](https://a.org/) $0:08$ and 0:09 to 0:10.", seen)
    assert re.findall(r"#t=(\d+)", written) == ["5", "9", "10"]
    in_json = to_html('```json\n{"at": "0:11"}\n```', seen)
    assert in_json.endswith('<p><a href="#t=11&amp;clip=1">0:11</a></p>')
    assert "#t=" not in to_html("```\n0:12\n```", seen)
