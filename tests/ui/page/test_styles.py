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


def test_only_what_gradio_writes_into_elements_is_overruled_by_force() -> None:
    """Its inline `overflow`, `flex-grow` and `transform`, its own `!important` on quotes; and animations, for who wants none."""
    forced = [line for line in styles.style_sheet().splitlines() if "!important" in line]
    assert [line.strip().split(" {")[0] for line in forced] == [
        "*, *::before, *::after",
        ":is(#chatbot, #live) .prose blockquote",
        "#page[data-empty] > #talk",
        "#reproduction dialog",
        "#comparison:not(:has(#compared .prose:not(:empty)))",
        "#settings :is(.form, .form > .block)",
        "#settings .gr-accordion",
        "#settings .gr-accordion > button:not(.open) .icon",
        "#settings .gr-accordion > button.open .icon",
    ]
