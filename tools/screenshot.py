"""Take the README's picture of the page: a picture is asked about, and the answer is there.

python tools/screenshot.py
python tools/screenshot.py --phone --dark --output /tmp/phone.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/screenshot.py` finds `tools` and `tests`

from playwright.sync_api import Browser, BrowserContext  # noqa: E402

from tests.e2e.chat import Chat  # noqa: E402
from tools import served  # noqa: E402

DESKTOP, PHONE = (1280, 800), (390, 844)
EXAMPLES = ROOT / "assets" / "examples"
QUESTIONS = ("Describe the image.", "What colour is the star?")


def main() -> None:
    """Parse the command line and take the picture."""
    options = _parser().parse_args()
    with TemporaryDirectory() as folder, served.chromium() as browser:
        profile = _profile(browser, phone=options.phone, dark=options.dark)
        with served.serve(Path(folder), options.checkpoint) as server:
            server.wait()
            chat = served.tab(profile, server)
            _take(chat, options.picture, options.question or QUESTIONS, options.output)
            profile.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # fmt: off
    parser.add_argument("--checkpoint", default="tiny", help="as for app.py")
    parser.add_argument("--picture", type=Path, default=EXAMPLES / "shapes.png", help="what is asked about")
    parser.add_argument("--question", action="append", help="what is asked; repeatable, for several turns")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "chat.png", help="where it goes")
    parser.add_argument("--phone", action="store_true", help="narrow, with two pixels to the point")
    parser.add_argument("--dark", action="store_true", help="as for people who prefer dark pages")
    # fmt: on
    return parser


def _profile(browser: Browser, *, phone: bool, dark: bool) -> BrowserContext:
    width, height = PHONE if phone else DESKTOP
    return browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if phone else 1,
        is_mobile=phone,
        has_touch=phone,
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )


def _take(chat: Chat, picture: Path, questions: Sequence[str], output: Path) -> None:
    """Drop the picture, ask, wait. Raises `RuntimeError` if there is no answer."""
    chat.open()
    chat.hand_over("drop", picture)
    chat.wait_for_cards(1)
    for question in questions:
        chat.ask(question)
    if chat.state != "idle":
        raise RuntimeError(f"The page says: {chat.page.inner_text('#notice')}")
    chat.page.wait_for_function(
        "[...document.querySelectorAll('#chatbot img')].every((image) => image.complete)"
    )
    chat.page.wait_for_timeout(500)  # what fades in has done so
    chat.page.screenshot(path=output, animations="disabled")


if __name__ == "__main__":
    main()
