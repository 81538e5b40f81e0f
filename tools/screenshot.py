"""Take the README's pictures of the page.

python tools/screenshot.py                    # docs/images/chat.png: an answer with a box on its picture
python tools/screenshot.py --look             # docs/images/frames.png: what the model will see of a clip
python tools/screenshot.py --turn             # docs/images/turn.webp: a whole turn, moving
python tools/screenshot.py --phone --dark --output /tmp/phone.png
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/screenshot.py` finds `tools` and `tests`

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, BrowserContext  # noqa: E402

from tests.support import served  # noqa: E402
from tests.support.chat import Chat  # noqa: E402

DESKTOP, PHONE = (1080, 760), (390, 844)
EXAMPLES = ROOT / "assets" / "examples"
IMAGES = ROOT / "docs" / "images"
QUESTIONS = ("Give the bounding box of the star.",)


def main() -> None:
    """Parse the command line and take the picture."""
    options = _parser().parse_args()
    with TemporaryDirectory() as folder, served.chromium() as browser:
        profile = _profile(browser, phone=options.phone, dark=options.dark)
        with served.serve(Path(folder), options.checkpoint) as server:
            server.wait()
            chat = served.tab(profile, server)
            picture = options.picture or EXAMPLES / "shapes.png"
            questions = options.question or QUESTIONS
            if options.turn:
                _animate(
                    list(_turn(chat, picture, questions[0])), options.output or IMAGES / "turn.webp"
                )
            elif options.look:
                _look(chat, options.picture or EXAMPLES / "moving-circle.mp4")
                _shoot(chat, options.output or IMAGES / "frames.png")
            else:
                _ask(chat, picture, questions)
                _shoot(chat, options.output or IMAGES / "chat.png")
            profile.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # fmt: off
    parser.add_argument("--checkpoint", default="tiny", help="as for app.py")
    parser.add_argument("--picture", type=Path, help="what is asked about, or looked at")
    parser.add_argument("--question", action="append", help="what is asked; repeatable, for several turns")
    parser.add_argument("--output", type=Path, help="where it goes")
    parser.add_argument("--look", action="store_true", help="ask nothing, and show what the model will see")
    parser.add_argument("--turn", action="store_true", help="several pictures of one turn, as an animation")
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


def _shoot(chat: Chat, output: Path) -> None:
    chat.page.wait_for_timeout(500)  # what fades in has done so
    chat.page.screenshot(path=output, animations="disabled")


def _turn(chat: Chat, file: Path, question: str) -> Iterator[tuple[Image.Image, int]]:
    """Pictures of a turn from the empty page to the answer, each with the milliseconds that it is shown."""

    def seen() -> Image.Image:
        chat.page.wait_for_timeout(300)
        return Image.open(io.BytesIO(chat.page.screenshot(animations="disabled"))).convert("RGB")

    chat.open()
    yield seen(), 1200
    chat.hand_over("drop", file)
    chat.wait_for_cards(1)
    chat.wait_for_price()
    yield seen(), 1200
    chat.page.click("#tasks button >> nth=2")
    yield seen(), 1000
    chat.page.fill("#composer textarea", question)
    yield seen(), 1000
    chat.ask(question)
    chat.page.wait_for_selector("#chatbot .frame .box")
    yield seen(), 3000


def _animate(pictures: Sequence[tuple[Image.Image, int]], output: Path) -> None:
    small = [
        picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)) for picture, _ in pictures
    ]
    durations = [shown_ms for _, shown_ms in pictures]
    small[0].save(
        output, save_all=True, append_images=small[1:], duration=durations, loop=0, quality=80
    )


def _attach(chat: Chat, file: Path) -> None:
    """Drop the file on a page that has just been opened."""
    chat.open()
    chat.hand_over("drop", file)
    chat.wait_for_cards(1)


def _ask(chat: Chat, file: Path, questions: Sequence[str]) -> None:
    """Ask, and wait for the answer. Raises `RuntimeError` without one."""
    _attach(chat, file)
    for question in questions:
        chat.ask(question)
    if chat.state != "idle":
        raise RuntimeError(f"The page says: {chat.page.inner_text('#notice')}")
    chat.page.wait_for_function(
        "[...document.querySelectorAll('#chatbot img')].every((image) => image.complete)"
    )


def _look(chat: Chat, file: Path) -> None:
    """Open the inspector of an item, and wait for the frames."""
    _attach(chat, file)
    chat.wait_for_price()
    chat.page.locator("#tray [data-look]").first.click()
    chat.page.wait_for_selector("dialog.inspector [role=status]")
    chat.page.wait_for_function(
        "[...document.querySelectorAll('dialog img')].every((image) => image.complete)"
    )


if __name__ == "__main__":
    main()
