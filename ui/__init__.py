"""The page in front of the model service. Knows nothing of torch or transformers."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "assets"
