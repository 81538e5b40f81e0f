"""Take the README's picture of the page: a picture is asked about, and the answer is there.

python tools/screenshot.py
python tools/screenshot.py --phone --dark --output /tmp/phone.png
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `python tools/screenshot.py` finds `tools` and `tests`

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, BrowserContext  # noqa: E402

from tests.e2e.chat import ENDED, Chat  # noqa: E402
from tools import served  # noqa: E402
from tools.tiny.scene import make_picture  # noqa: E402

DESKTOP, PHONE = (1280, 800), (390, 844)
EXAMPLES = ROOT / "assets" / "examples"


def main() -> None:
    """Parse the command line and take the picture."""
    options = _parser().parse_args()
    with TemporaryDirectory() as name, served.chromium() as browser:
        folder = Path(name)
        picture = options.picture or _picture(folder)
        profile = _profile(browser, phone=options.phone, dark=options.dark)
        with served.serve(folder, options.checkpoint, "--seed=1") as server:
            server.wait()
            _take(served.tab(profile, server), picture, options.question, options.output)
            profile.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # fmt: off
    parser.add_argument("--checkpoint", default="tiny", help="as for app.py")
    parser.add_argument("--picture", type=Path, help="what is asked about; otherwise an example, or one that is drawn")
    parser.add_argument("--question", default="What is in this picture, and where?", help="what is asked")
    parser.add_argument("--output", type=Path, default=ROOT / "assets" / "screenshot.png", help="where it goes")
    parser.add_argument("--phone", action="store_true", help="narrow, with two pixels to the point")
    parser.add_argument("--dark", action="store_true", help="as for people who prefer dark pages")
    # fmt: on
    return parser


def _picture(folder: Path) -> Path:
    """An example that the page offers, else a picture of the world that the bundled checkpoint knows."""
    examples = [file for file in sorted(EXAMPLES.glob("*")) if file.suffix in (".jpg", ".png")]
    if examples:
        return examples[0]
    scene = make_picture(12, 16, random.Random(4))
    Image.fromarray(scene.frames[0]).save(folder / "shapes.png")
    return folder / "shapes.png"


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


def _take(chat: Chat, picture: Path, question: str, output: Path) -> None:
    """Drop the picture, ask, wait. Raises `RuntimeError` if there is no answer."""
    chat.open()
    chat.hand_over("drop", picture)
    chat.wait_for_cards(1)
    turn = chat.turn
    chat.send(question)
    chat.wait(*ENDED, after_turn=turn)
    if chat.state != "idle":
        raise RuntimeError(f"The page says: {chat.page.inner_text('#notice')}")
    chat.page.wait_for_function(
        "[...document.querySelectorAll('#chatbot img')].every((image) => image.complete)"
    )
    chat.page.screenshot(path=output, animations="disabled")


if __name__ == "__main__":
    main()
