"""More than thirty answers that are hard to show, and what a person reads of each."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

from ui.html.syntax.formulas import MARK


@dataclass(frozen=True)
class Hard:
    """An answer, and what it reads as without white space; a formula as `[its source]`."""

    answer: str
    reads: str


HARD: dict[str, Hard] = {
    "ranges": Hard(
        "보통 3~5일 걸리고 가격은 100~200원입니다. 20~25度。",
        "보통3~5일걸리고가격은100~200원입니다.20~25度。",
    ),
    "struck": Hard("~~old~~ new, about ~5 and ~6; H~2~O", "oldnew,about~5and~6;H~2~O"),
    "stars": Hard(
        "2*3*4 = 24, x**2 + y**2, 5 * 6 * 7 and *args", "2*3*4=24,x**2+y**2,5*6*7and*args"
    ),
    "names": Hard(
        "Call `__init__` or __init__ and snake_case_name, not _this_.",
        "Call__init__or__init__andsnake_case_name,notthis.",
    ),
    "bold": Hard(
        "**Note:** this is *very* important, ***really*** so.", "Note:thisisveryimportant,reallyso."
    ),
    "cjk emphasis": Hard(
        "**「중요」**은 **“重点”**是 **(강조)**는 **注意：**内容。",
        "「중요」은“重点”是(강조)는注意：内容。",
    ),
    "years": Hard(
        "2024. It was good.\n\n2025. So was it.\n\n1. First\n2. Second",
        "2024.Itwasgood.2025.Sowasit.FirstSecond",
    ),
    "prices": Hard(
        "It costs $5 and $10, US$3 or $4-$6. $HOME and $PATH.",
        "Itcosts$5and$10,US$3or$4-$6.$HOMEand$PATH.",
    ),
    "formulas": Hard(
        r"Here $x^2 + 1$ and \(a < b\), \[ \frac{1}{2} \] and $$c_1$$.",
        r"Here[x^2+1]and[a<b],[\frac{1}{2}]and[c_1].",
    ),
    "formula block": Hard(
        "So:\n\n$$\n\\begin{aligned}\na &= b \\\\\n- c &< d\n\\end{aligned}\n$$\n\nDone.",
        r"So:[\begin{aligned}a&=b\\-c&<d\end{aligned}]Done.",
    ),
    "deep formula": Hard(
        "$$" + "\\sqrt{" * 60 + "x" + "}" * 60 + "$$ ok",
        "$$" + "\\sqrt{" * 60 + "x" + "}" * 60 + "$$ok",
    ),
    "brackets": Hard(
        r"See [1], \[2\], a[i][j] and {x} [not a link].", "See[1],[2],a[i][j]and{x}[notalink]."
    ),
    "links": Hard(
        'Read [the docs](https://example.org/a_(b) "t") or <https://example.org/> or https://example.org/x_y?a=1&b=2.',
        "Readthedocsorhttps://example.org/orhttps://example.org/x_y?a=1&b=2.",
    ),
    "korean address": Hard(
        "https://example.org에서 (https://example.org/a).",
        "https://example.org에서(https://example.org/a).",
    ),
    "bad links": Hard(
        "[x](javascript:alert(1)) [y](/logout) ![z](https://example.org/z.png)",
        "[x](javascript:alert(1))[y](/logout)!z",
    ),
    "html": Hard(
        "<b>bold</b> <img src=x onerror=alert(1)> a < b && c > d &lt; &amp;lt; \\<i>",
        "<b>bold</b><imgsrc=xonerror=alert(1)>a<b&&c>d<&lt;<i>",
    ),
    "c++": Hard(
        "```c\n#include <stdio.h>\nint main() { return a<b>(c); }\n```\nDone.",
        "#include<stdio.h>intmain(){returna<b>(c);}Done.",
    ),
    "indented code": Hard(
        "Like this:\n\n    if a < b && c > d:\n        pass\n\nDone.",
        "Likethis:ifa<b&&c>d:passDone.",
    ),
    "tabs": Hard(
        "```make\nall:\n\tcc -o x x.c\n\t\tls\n```\n\nDone `\\t`.", "all:cc-oxx.clsDone\\t."
    ),
    "code in a list": Hard(
        "1. First\n\n   ```python\n   def f(x):\n       return '*' * x\n   ```\n\n   then\n2. `a | b`",
        "Firstdeff(x):return'*'*xthena|b",
    ),
    "fences in code": Hard(
        "````markdown\n```js\nlet a = `b`;\n```\n````\nand `` `x` ``",
        "```jsleta=`b`;```and`x`",
    ),
    "table": Hard(
        "Two:\n| a | **b** |\n|:--|--:|\n| 1~2 | `x \\| y` |\n| $z^2$ | 3 |\n\nEnd",
        "Two:ab1~2x|y[z^2]3End",
    ),
    "headings": Hard(
        "# One\n#2 is best\n## Two ##\nThree\n---\n***\n- a\n- b", "One#2isbestTwoThreeab"
    ),
    "tasks": Hard("- [ ] todo\n- [x] done\n- [link](https://example.org)", "☐todo☑donelink"),
    "quotes": Hard(
        "> **Quote**\n> - one\n>   - two\n>\n> ```\n> x\n> ```\nlazy", "Quoteonetwoxlazy"
    ),
    "right to left": Hard(
        "مرحبا (صورة 1).\n\n- عنصر **مهم**\n- آخر\n\n1. أول\n\n> اقتباس",
        "مرحبا(صورة1).عنصرمهمآخرأولاقتباس",
    ),
    "overrides": Hard("a \u202egnp.exe\u202c b \u2067c\u2069", "agnp.exebc"),
    "grounding": Hard(
        "The <|object_ref_start|>cat<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|> in `<|box_start|>`.",
        "Thecatin<|box_start|>.",
    ),
    "json": Hard(
        '```json\n[\n  {"bbox_2d": [1, 2, 30, 40], "label": "a*b*"}\n]\n```\nOne.',
        '[{"bbox_2d":[1,2,30,40],"label":"a*b*"}]One.',
    ),
    "escapes": Hard(
        "C:\\new \\* no \\_ \\` \\~\nThree\\\nFour\n\nName | Value\n--- | ---\na | 1",
        "C:\\new*no_`~ThreeFourNameValuea1",
    ),
    "bars in cells": Hard(
        "| f | g |\n|:-:|---|\n| $|x|$ | `a | b` |\n| **c** | d<br>e | f |\n\nP(A | B) and |y|",
        "fg[|x|]a|bcde|fP(A|B)and|y|",
    ),
    "environment": Hard(
        "So:\n\\begin{align*}\na &= b \\\\\nc &= d\n\\end{align*}\n\\begin and \\beta",
        r"So:[\begin{align*}a&=b\\c&=d\end{align*}]\begin and \beta".replace(" ", ""),
    ),
    "json without a fence": Hard(
        '[\n  {"label": "*a* __b__", "at": [1, 2]}\n]\n\n**One** of them.',
        '[{"label":"*a*__b__","at":[1,2]}]Oneofthem.',
    ),
    "receipt": Hard(
        "MILK   $3.00\nBREAD  $4.50\n------------\nTAX  $0.50\nTOTAL  $8.00\n============\n**** 1234",
        "MILK$3.00BREAD$4.50TAX$0.50TOTAL$8.00============****1234",
    ),
    "held behind marks": Hard(
        "**$5** and **$x$**, **`c`** *[l](https://a.org)* **\\(y\\)**.",
        "$5and[x],cl[y].",
    ),
    "code of a shell": Hard(
        "Run\n```bash\necho $x $$ `ls` [ \\( $HOME\n```\nand then this.",
        "Runecho$x$$`ls`[\\($HOMEandthenthis.",
    ),
    "placeholders": Hard(
        "%%%LATEX_BLOCK_0%%% and\n```\n%%%LATEX_BLOCK_1%%%\n```\n\\(x\\) ${a} {{b}} %s",
        "%%%LATEX_BLOCK_0%%%and%%%LATEX_BLOCK_1%%%[x]${a}{{b}}%s",
    ),
}


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(written: str) -> str:
    """What the page shows of HTML with blocks of code in it, without white space; a formula as `[its source]`."""

    def code(block: re.Match[str]) -> str:
        return html.escape(block[2])

    plain = re.sub(r"^ ?(`{3,})[^\n`]*\n(.*?)^\1$", code, written, flags=re.DOTALL | re.MULTILINE)
    words = _Words()
    words.feed(plain)
    words.close()
    shown = "".join(words.words)
    shown = re.sub(rf"{MARK}\\[(\[](.*?)\\[)\]]{MARK}", r"[\1]", shown, flags=re.DOTALL)
    return re.sub(r"\s", "", shown)
