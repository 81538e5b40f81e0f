"""The flags of `--batch`."""

from __future__ import annotations

import argparse


# fmt: off
def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add them, in a group of their own."""
    batch = flags.add_argument_group("one question about many files, without a page")
    batch.add_argument("--batch", nargs="+", default=None, metavar="PATH",
        help="files, or folders of pictures, clips and PDF documents, each of which is asked about")
    batch.add_argument("--prompt", default="", metavar="TEXT",
        help="the question")
    batch.add_argument("--out", default="", metavar="FILE",
        help="where the answers go: a file that ends in .jsonl or .csv, or 'beside' for a .txt "
             "beside each file; the same command goes on where it was stopped")
    batch.add_argument("--pages", default="", metavar="PAGES",
        help="which pages of a document are asked about together, such as 1-5,8; otherwise all, up to 64")
    batch.add_argument("--pages-text", action="store_true",
        help="the text of these pages is sent, too")
# fmt: on
