"""The table of all settings: default, range, unit and help of each.

The command line's flags, the page's controls and the API's `settings` are generated from the two dataclasses below.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, cast

from model.errors import LocalizedText, SettingError, SettingName

# More than any context holds.
MAX_TEXT_CHARACTERS = 1_000_000
# Seeds have 32 bits, as numpy's.
MAX_SEED = 2**32 - 1
MAX_NEW_TOKENS = 8192
# Lower temperatures are greedy: dividing logits by a much smaller number overflows, and the assertion that then fails in
# CUDA's sampling kernel ends the process's use of the GPU.
MIN_TEMPERATURE = 1e-3
# Visual tokens of an image, from the preprocessor_config.json of the family's checkpoints.
MAX_IMAGE_TOKENS = 16384
Kind = Literal["int", "float", "bool", "str"]
Group = Literal["image", "video", "answer", "prompt"]


# A minimum and its maximum.
_PAIRS = (
    ("min_tokens", "max_tokens"),
    ("video_min_tokens_per_frame", "video_max_tokens_per_frame"),
)


@dataclass(frozen=True)
class SettingSpec:
    """One setting, for a flag, a control and its checks. low, high and step are in `unit`.

    optional: None is allowed, and leaves the value to the program.
    """

    name: str
    kind: Kind
    default: int | float | bool | str | None
    group: Group
    label: str
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    optional: bool = False

    def check(self, value: object) -> int | float | bool | str | None:
        """Return `value` in this setting's type. Raises `SettingError` for a wrong type or range."""
        if value is None and self.optional:
            return None
        typed = self._typed(value)
        if isinstance(typed, str) and len(typed) > MAX_TEXT_CHARACTERS:
            raise SettingError(
                "{setting} has {count} characters; it can hold {most}.",
                setting=SettingName(self.name),
                count=f"{len(typed):,}",
                most=f"{MAX_TEXT_CHARACTERS:,}",
            )
        if isinstance(typed, bool | str):
            return typed
        below = self.low is not None and typed < self.low
        above = self.high is not None and typed > self.high
        # `not (x <= y)` rather than `x > y`: a NaN compares false with everything.
        if below or above or typed != typed:
            raise self._refused(value, self._allowed())
        return typed

    def _typed(self, value: object) -> int | float | bool | str:
        if self.kind == "bool" and isinstance(value, bool):
            return value
        if self.kind == "str" and isinstance(value, str):
            return value
        huge = isinstance(value, int) and value.bit_length() > 64  # `float` may overflow
        if isinstance(value, int | float) and not isinstance(value, bool) and not huge:
            if self.kind == "float":
                return float(value)
            # JSON and sliders may send whole numbers as floats.
            if self.kind == "int" and float(value).is_integer():
                return int(value)
        wanted = {
            "int": LocalizedText("a whole number"),
            "float": LocalizedText("a number"),
            "bool": LocalizedText("true or false"),
            "str": LocalizedText("text"),
        }
        raise self._refused(value, wanted[self.kind])

    def _refused(self, value: object, wanted: LocalizedText) -> SettingError:
        return SettingError(
            "{setting} is {value}; it must be {wanted}.",
            setting=SettingName(self.name),
            value=_spelled(value),
            wanted=wanted,
        )

    def _allowed(self) -> LocalizedText:
        low, high = (None if limit is None else f"{limit:g}" for limit in (self.low, self.high))
        if high is None:
            return LocalizedText("at least {low}", low=low)
        return LocalizedText("between {low} and {high}", low=low, high=high)

    @property
    def range(self) -> str:
        """The allowed values as text, e.g. `4..16384`."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "str":
            return "text"
        return f"{self._limit(self.low)}..{self._limit(self.high)}"

    def _limit(self, limit: float | None) -> str:
        if limit is None:
            return ""
        return f"{limit:g}" if self.kind == "float" else f"{int(limit)}"


def _setting(default: Any, group: Group, label: str, **others: Any) -> Any:
    """A dataclass field with the arguments of its `SettingSpec`, except the name, which the field has."""
    metadata = {"default": default, "group": group, "label": label, **others}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class VisionSettings:
    """The resolution, sampling and trim of one image or video. Each item of a conversation has its own.

    Raises `SettingError` for a value out of range and for values that exclude each other.
    """

    min_tokens: int = _setting(
        4, "image", "Minimum detail per picture", kind="int", low=4, high=MAX_IMAGE_TOKENS, step=1, unit="tokens",
        help="Small pictures are enlarged until they cost at least this many visual tokens.",
    )  # fmt: skip
    max_tokens: int = _setting(
        1280, "image", "Maximum detail per picture", kind="int", low=4, high=MAX_IMAGE_TOKENS, step=1, unit="tokens",
        help="Large pictures are shrunk to at most this many visual tokens; more shows finer detail and takes longer.",
    )  # fmt: skip
    resized_height: int | None = _setting(
        None, "image", "Exact height", kind="int", low=28, step=28, unit="px", optional=True,
        help="Resize to exactly this height, rounded to whole tokens; needs the exact width too.",
    )  # fmt: skip
    resized_width: int | None = _setting(
        None, "image", "Exact width", kind="int", low=28, step=28, unit="px", optional=True,
        help="Resize to exactly this width, rounded to whole tokens; needs the exact height too.",
    )  # fmt: skip
    video_fps: float = _setting(
        2.0, "video", "Frames per second", kind="float", low=0.1, high=30, step=0.1,
        help="How many pictures the model sees of every second of a clip.",
    )  # fmt: skip
    video_max_frames: int = _setting(
        64, "video", "Maximum frames", kind="int", low=2, high=768, step=2,
        help="A long clip is sampled more sparsely so that it has at most this many frames.",
    )  # fmt: skip
    video_min_tokens_per_frame: int = _setting(
        4, "video", "Minimum detail per frame", kind="int", low=4, high=768, step=1, unit="tokens",
        help="Small frames are enlarged to at least this many visual tokens; two frames share them.",
    )  # fmt: skip
    video_max_tokens_per_frame: int = _setting(
        128, "video", "Maximum detail per frame", kind="int", low=4, high=768, step=1, unit="tokens",
        help="Frames are shrunk to at most this many visual tokens; two frames share them.",
    )  # fmt: skip
    video_start_s: float | None = _setting(
        None, "video", "Start at", kind="float", low=0, step=0.1, unit="s", optional=True,
        help="Leave out everything before this second of the clip.",
    )  # fmt: skip
    video_end_s: float | None = _setting(
        None, "video", "End at", kind="float", low=0, step=0.1, unit="s", optional=True,
        help="Leave out everything after this second of the clip.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        _check_fields(self)
        for low, high in _PAIRS:
            if getattr(self, low) > getattr(self, high):
                raise SettingError(
                    "{smallest} is {low} and {largest} is {high}; the minimum cannot exceed the maximum.",
                    smallest=SettingName(low),
                    low=getattr(self, low),
                    largest=SettingName(high),
                    high=getattr(self, high),
                )
        if self.video_max_frames % 2:
            raise SettingError(
                "{setting} is {value}; it must be even, because the model reads frames in pairs.",
                setting=SettingName("video_max_frames"),
                value=self.video_max_frames,
            )
        if (self.resized_height is None) != (self.resized_width is None):
            raise SettingError(
                "{height} and {width} go together; give both or neither.",
                height=SettingName("resized_height"),
                width=SettingName("resized_width"),
            )
        start, end = self.video_start_s or 0.0, self.video_end_s
        if end is not None and end <= start:
            raise SettingError(
                "{ending} is {end:g} s; it must be after {starting}, which is {start:g} s.",
                ending=SettingName("video_end_s"),
                end=end,
                starting=SettingName("video_start_s"),
                start=start,
            )


@dataclass(frozen=True)
class GenerationSettings:
    """The wording of the prompt, and the sampling and length of the answer.

    Raises `SettingError` for a value out of range.
    """

    vision_ids: bool = _setting(
        False, "prompt", "Number pictures and videos", kind="bool",
        help="Tells the model 'Picture 1: ', 'Video 1: ' before each item, so that you can refer to them.",
    )  # fmt: skip
    system_prompt: str = _setting(
        "You are a helpful assistant.", "prompt", "System prompt", kind="str",
        help="What the model is told before the conversation; empty means the checkpoint's own default.",
    )  # fmt: skip
    max_new_tokens: int = _setting(
        512, "answer", "Maximum answer length", kind="int", low=1, high=MAX_NEW_TOKENS, step=1, unit="tokens",
        help="The answer is cut off after this many tokens; a token is about three quarters of a word.",
    )  # fmt: skip
    temperature: float = _setting(
        0.0, "answer", "Temperature", kind="float", low=0, high=2, step=0.05,
        help="0 always gives the most likely answer; higher is more varied.",
    )  # fmt: skip
    top_p: float = _setting(
        0.9, "answer", "Top p", kind="float", low=0, high=1, step=0.01,
        help="Choose among the likeliest words that together have this probability; only above temperature 0.",
    )  # fmt: skip
    top_k: int = _setting(
        50, "answer", "Top k", kind="int", low=0, high=1000, step=1, unit="tokens",
        help="Choose among this many likeliest words, 0 for all; only above temperature 0.",
    )  # fmt: skip
    repetition_penalty: float = _setting(
        1.0, "answer", "Repetition penalty", kind="float", low=0.5, high=2, step=0.01,
        help="Above 1 discourages words that were already used. It stops endless loops and can break tables.",
    )  # fmt: skip
    seed: int | None = _setting(
        None, "answer", "Seed", kind="int", low=0, high=MAX_SEED, step=1, optional=True,
        help="The same seed draws the same answer again; empty takes a fresh one each time.",
    )  # fmt: skip

    logprobs: bool = _setting(
        False, "answer", "Show how sure each word is", kind="bool",
        help="Keeps for every word how likely it was, and what else was likely; shown below the answer.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        _check_fields(self)
        if self.temperature < MIN_TEMPERATURE:
            object.__setattr__(self, "temperature", 0.0)

    @property
    def drawing(self) -> dict[str, Any]:
        """The sampling settings, by the names of `Usage`."""
        names = ("temperature", "top_p", "top_k", "repetition_penalty")
        return {name: getattr(self, name) for name in names}


Settings = VisionSettings | GenerationSettings


def setting_specs(settings: type[Settings]) -> tuple[SettingSpec, ...]:
    """The specs of one settings class, in the order of the page."""
    return tuple(SettingSpec(name=f.name, **f.metadata) for f in fields(settings))


def _check_fields(settings: Settings) -> None:
    for spec in setting_specs(type(settings)):
        checked = spec.check(getattr(settings, spec.name))
        # The checked value may have another type: 3 for 3.0.
        object.__setattr__(settings, spec.name, checked)


SETTING_SPECS = (*setting_specs(VisionSettings), *setting_specs(GenerationSettings))


def settings_from(values: Mapping[str, object]) -> tuple[VisionSettings, GenerationSettings]:
    """Build both settings from values by name, e.g. of a request. Missing ones have their defaults.

    Raises `SettingError` naming the first setting that is unknown or out of range.
    """
    known = {spec.name for spec in SETTING_SPECS}
    for name in values:
        if name not in known:
            raise SettingError(
                "There is no setting '{name}'; the settings are {names}.",
                name=str(name)[:80],
                names=_listed(sorted(known)),
            )
    vision, generation = (
        {spec.name: values[spec.name] for spec in setting_specs(kind) if spec.name in values}
        for kind in (VisionSettings, GenerationSettings)
    )
    return VisionSettings(**cast(Any, vision)), GenerationSettings(**cast(Any, generation))


@dataclass(frozen=True)
class Bounds:
    """A narrower range of a setting, and another step if not None."""

    low: float
    high: float | None
    step: float | None = None


@dataclass(frozen=True)
class DefaultSettings:
    """The settings with which a page and programs start, and the bounds of the page's controls.

    bounds: by setting, where they are narrower than in the table.
    """

    vision: VisionSettings = VisionSettings()
    generation: GenerationSettings = GenerationSettings()
    bounds: Mapping[str, Bounds] = field(default_factory=dict)

    @classmethod
    def within(
        cls, bounds: Mapping[str, Bounds], generation: GenerationSettings
    ) -> DefaultSettings:
        """The program's default vision settings, clamped to `bounds`."""
        values = {t.name: t.default for t in setting_specs(VisionSettings)}
        for name, allowed in bounds.items():
            if isinstance(value := values[name], int | float):
                high = value if allowed.high is None else allowed.high
                values[name] = max(allowed.low, min(high, value))
        return cls(VisionSettings(**cast(Any, values)), generation, bounds)

    @property
    def values(self) -> dict[str, Any]:
        """Every setting's value by name."""
        return {
            spec.name: getattr(settings, spec.name)
            for settings in (self.vision, self.generation)
            for spec in setting_specs(type(settings))
        }

    @property
    def setting_specs(self) -> tuple[SettingSpec, ...]:
        """The table of settings with these defaults and bounds."""
        values = self.values
        started = (replace(spec, default=values[spec.name]) for spec in SETTING_SPECS)
        return tuple(map(self._bounded, started))

    def _bounded(self, spec: SettingSpec) -> SettingSpec:
        allowed = self.bounds.get(spec.name)
        if allowed is None:
            return spec
        step = spec.step if allowed.step is None else allowed.step
        return replace(spec, low=allowed.low, high=allowed.high, step=step)

    def changed(self, given: Mapping[str, object]) -> DefaultSettings:
        """Return a copy with the `given` values, by name. Raises `SettingError`."""
        values = {**self.values, **given}
        for low, high in _PAIRS:
            # A largest size below the checkpoint's smallest one lowers the smallest too.
            if high in given and low not in given and type(values[high]) is int:
                values[low] = max(_LOWEST[low], min(values[low], values[high]))
        vision, generation = settings_from(values)
        return replace(self, vision=vision, generation=generation)


_LOWEST = {spec.name: int(spec.low or 0) for spec in setting_specs(VisionSettings)}


def _spelled(value: object) -> str:
    """A value as JSON writes it."""
    if value is None:
        return LocalizedText("empty")
    return str(value).lower() if isinstance(value, bool) else reprlib.repr(value)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
