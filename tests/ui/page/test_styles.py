"""The style sheet is joined from the files of its features."""

from __future__ import annotations

from ui.page import styles


def test_every_file_has_its_place_in_the_style_sheet() -> None:
    assert sorted(f"{name}.css" for name in styles.ORDER) == sorted(
        file.name for file in styles.FOLDER.iterdir()
    )
    sheet = styles.style_sheet()
    assert sheet.index("--accent:") < sheet.index("#model-banner {") < sheet.index("#settings h2")
    assert sheet.count("{") == sheet.count("}")
