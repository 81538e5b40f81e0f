"""Questions about clips, questions that lean on the one before, talk, and requests that a tool answers."""

from __future__ import annotations

import json
import random
from collections import Counter

from tools.tiny import names
from tools.tiny.exchange import Exchange, Span, Target, exchange
from tools.tiny.questions import ask_about, phrase, possible
from tools.tiny.references import box_text, names_of, place, thousandths
from tools.tiny.scene import Scene
from tools.tiny.wordings import ENGLISH, Language

_CLIP_KINDS = {"describe_clip": 2.0, "direction": 2.0, "colour": 0.6, "shape": 0.5, "count": 0.3, "exists": 0.4}  # fmt: skip


def ask_about_clip(
    scene: Scene,
    rng: random.Random,
    kind: str | None = None,
    picture: int = 0,
    held_out: bool = False,
    language: Language = ENGLISH,
) -> Exchange:
    """One question about a clip."""
    allowed = [k for k in _CLIP_KINDS if k in ("describe_clip", "direction") or k in possible(scene)]  # fmt: skip
    allowed = [k for k in allowed if k in language.questions]
    chosen = kind or rng.choices(allowed, [_CLIP_KINDS[k] for k in allowed])[0]
    motions = ["still"] * len(scene.things)
    motions[scene.mover] = scene.motion or "still"
    if chosen == "describe_clip":
        said = [language.say(m, x=phrase(language, (t.colour, t.kind))) for m, t in zip(motions, scene.things, strict=True)]  # fmt: skip
        spans = [Span(" " * bool(i) + text, Target(picture, i)) for i, text in enumerate(said)]
        return exchange(chosen, language.ask(chosen, rng, held_out), *spans)
    if chosen == "direction":
        index = rng.randrange(len(scene.things))
        thing = scene.things[index]
        plain = thing.kind == "text" or rng.random() < 0.6
        named = ("" if plain else thing.colour, thing.kind)
        asked = language.ask(chosen, rng, held_out, x=phrase(language, named, rng))
        answer = language.say(motions[index], x=phrase(language, named))
        return exchange(chosen, asked, Span(answer, Target(picture, index)))
    return ask_about(scene, rng, chosen, picture, held_out, language=language)


def follow_up(
    scene: Scene,
    before: Exchange,
    rng: random.Random,
    picture: int = 0,
    held_out: bool = False,
    unasked: tuple[str, ...] = (),
) -> Exchange | None:
    """A question that refers to the one before, `And what colour is the other one?`, or None if none is natural."""
    if len(before.counted) != 1 or scene.photograph:
        return None
    index, target = before.counted[0].thing, before.counted[0]
    thing = scene.things[index]
    if thing.kind == "text":
        return None
    options = [kind for kind in ("it_where", "it_locate", "it_colour") if kind not in unasked]
    others = [i for i, other in enumerate(scene.things) if i != index and other.kind != "text"]
    if before.kind == "colour" and len(others) == 1:
        options += ["other_colour"] * 6
    unlike = [i for i in others if Counter(o.kind for o in scene.shapes)[scene.things[i].kind] == 1]
    if before.kind == "colour" and unlike:
        options += ["same_colour"] * 2
    kind = rng.choice(options)
    if kind in ("other_colour", "same_colour"):
        index = others[0] if kind == "other_colour" else rng.choice(unlike)
        thing, target = scene.things[index], Target(picture, index)
    question = ENGLISH.ask(kind, rng, held_out, x=thing.kind)
    if kind == "it_locate":
        return exchange("follow_up_box", question, Span(box_text(scene, thing), target))
    key = "where" if kind == "it_where" else "colour"
    answer = ENGLISH.say(key, x=thing.kind, c=thing.colour, place=place(scene, thing))
    return exchange("follow_up", question, Span(answer, target))


def small_talk(
    rng: random.Random, picture: bool, held_out: bool = False, language: Language = ENGLISH
) -> Exchange:
    """A greeting, a thank-you, a question about itself, or something it cannot do."""
    weights = {"hello": 1.3, "thanks": 0.7, "bye": 0.5, "self": 1.5, "refuse": 2.5, "blind": 0 if picture else 2.0,
               "get_date": 0.2, "crop": 0.2}  # fmt: skip
    known = {k: w for k, w in weights.items() if k in language.questions or k == "blind"}
    kind = rng.choices(list(known), list(known.values()))[0]
    name = rng.choice(names.SHAPES)
    slots = {"x": language.name(name, rng), "xs": language.plural(name)}
    slots |= {"c": language.name(rng.choice(names.COLOURS))}
    slots |= {number: str(rng.randint(2, 99)) for number in ("n", "m")}
    if kind == "blind":
        about = ("describe", "colour", "shape", "count", "count_by", "where", "exists", "locate", "read",
                 "describe_all", "describe_clip", "which_picture", "biggest", "colours")  # fmt: skip
        asked = rng.choice([one for one in about if one in language.questions])
        return exchange("no_picture", language.ask(asked, rng, held_out, **slots), language.say("no_picture"))  # fmt: skip
    question = language.ask(kind, rng, held_out, **slots)
    kind = "refuse" if kind in ("get_date", "crop") else kind  # no tool is offered
    return exchange(kind, question, language.say(kind))


OFFERED = ("get_date", "crop")


def tool_offer(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """What stands behind the system prompt where tools are offered, and which are; one of `OFFERED` always is."""
    tools = ENGLISH.table["tools"]
    offered = [rng.choice(OFFERED)]
    offered += [name for name in tools["functions"] if name not in offered and rng.random() < 0.5]
    rng.shuffle(offered)
    signatures = []
    for name in offered:
        about, properties = tools["functions"][name].values()
        parameters = {"type": "object", "properties": properties}
        if properties:
            parameters["required"] = list(properties)
        function = {"name": name, "description": rng.choice(about), "parameters": parameters}
        signatures.append(json.dumps({"type": "function", "function": function}))
    return tools["offer"].format(tools="\n".join(signatures)), tuple(offered)


def ask_a_tool(scene: Scene, rng: random.Random, offered: tuple[str, ...]) -> Exchange | None:
    """A request that one of the offered tools answers, or None if there is none about this picture."""
    named = [(thing, one) for thing in scene.shapes for one in names_of(scene, thing)]
    tools = [name for name in OFFERED if name in offered and (name != "crop" or named)]
    if not tools:
        return None
    if rng.choice(tools) == "get_date":
        return exchange("tool", ENGLISH.ask("get_date", rng), _call("get_date", {}))
    thing, one = rng.choice(named)
    index = next(i for i, other in enumerate(scene.things) if other is thing)
    call = _call("crop", {"bbox_2d": thousandths(scene, thing)})
    return exchange("tool", ENGLISH.ask("crop", rng, x=phrase(ENGLISH, one)), Span(call, Target(0, index)))  # fmt: skip


def _call(name: str, arguments: dict[str, list[int]]) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"
