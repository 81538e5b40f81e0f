"""How models write boxes and points: each spelling gives the place that a person reads in it."""

from __future__ import annotations

import pytest

from model.grounding import Box, Convention, Point, parse

SIZE = (1000, 1000)  # in which pixels and thousandths are the same
BOX = Box("", 10, 20, 30, 40)
CAT = Box("cat", 10, 20, 30, 40)
DOG = Box("dog", 50, 60, 70, 80)
SECOND = Box("", 50, 60, 70, 80)
POINT = Point("", 10, 20)
EYE = Point("eye", 10, 20)


def read(answer: str, convention: Convention = "qwen2_5_vl") -> list[Box | Point]:
    return parse(answer, convention, original=SIZE, resized=SIZE)


SPELLINGS: dict[str, tuple[str, list[Box | Point]]] = {
    # JSON as the family writes it
    "plain": ('{"bbox_2d": [10, 20, 30, 40], "label": "cat"}', [CAT]),
    "fenced list": ('```json\n[\n\t{"bbox_2d": [10, 20, 30, 40], "label": "cat"}\n]\n```', [CAT]),
    "fence without a language": ('```\n[{"bbox_2d": [10, 20, 30, 40]}]\n```', [BOX]),
    "fence that is not closed": ('```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "cat"}', [CAT]),
    "words around": ('Here: {"bbox_2d": [10, 20, 30, 40]}, on the left.', [BOX]),
    "text_content": ('{"bbox_2d": [10, 20, 30, 40], "text_content": "cat"}', [CAT]),
    "point": ('{"point_2d": [10, 20], "label": "eye"}', [EYE]),
    "fractions of a pixel": ('{"bbox_2d": [10.2, 19.6, 30.4, 40.0]}', [BOX]),
    "parts of width and height": ('{"bbox_2d": [0.01, 0.02, 0.03, 0.04]}', [BOX]),
    # numbers
    "numbers as text": ('{"bbox_2d": ["10", "20", "30", "40"], "label": "cat"}', [CAT]),
    "a point as text": ('{"point_2d": ["10", "20"], "label": "eye"}', [EYE]),
    "all numbers in one text": ('{"bbox_2d": "10, 20, 30, 40", "label": "cat"}', [CAT]),
    "a list in a text": ('{"bbox_2d": "[10, 20, 30, 40]", "label": "cat"}', [CAT]),
    "corners in a text": ('{"bbox_2d": "(10,20),(30,40)"}', [BOX]),
    "spaces for commas": ('{"bbox_2d": "10 20 30 40"}', [BOX]),
    "a list with spaces": ('{"bbox_2d": [10 20 30 40]}', [BOX]),
    "with a unit": ('{"bbox_2d": ["10px", "20px", "30 px", "40px"]}', [BOX]),
    "mixed": ('{"bbox_2d": [10, "20", 30.0, "40"]}', [BOX]),
    "exponents": ('{"bbox_2d": [1e1, 2.0e1, 3E1, 4e+1]}', [BOX]),
    "a confidence as the fifth number": ('{"bbox_2d": [10, 20, 30, 40, 0.97]}', [BOX]),
    "a confidence and a class": ('{"bbox_2d": [10, 20, 30, 40, 0.97, 3]}', [BOX]),
    "a confidence as a key": ('{"bbox_2d": [10, 20, 30, 40], "score": 0.97, "label": "cat"}', [CAT]),
    "the label among the numbers": ('{"bbox_2d": [10, 20, 30, 40, "cat"]}', [CAT]),
    "parentheses": ('{"bbox_2d": (10, 20, 30, 40), "label": "cat"}', [CAT]),
    "no brackets": ('{"bbox_2d": 10, 20, 30, 40, "label": "cat"}', [CAT]),
    # lists in lists
    "two boxes to a label": ('{"bbox_2d": [[10, 20, 30, 40], [50, 60, 70, 80]]}', [BOX, SECOND]),
    "one box in a list": ('{"bbox_2d": [[10, 20, 30, 40]], "label": "cat"}', [CAT]),
    "two corners": ('{"bbox_2d": [[10, 20], [30, 40]], "label": "cat"}', [CAT]),
    "two corners without a list": ('{"bbox_2d": (10, 20), (30, 40), "label": "cat"}', [CAT]),
    "four corners": ('{"bbox_2d": [[10, 20], [30, 22], [29, 40], [11, 38]]}', [BOX]),
    "a quadrangle": ('{"bbox_2d": [10, 20, 30, 22, 29, 40, 11, 38]}', [BOX]),
    "several points": ('{"points": [[10, 20], [50, 60]]}', [POINT, Point("", 50, 60)]),
    "corners as objects": ('{"bbox": [{"x": 10, "y": 20}, {"x": 30, "y": 40}], "label": "cat"}', [CAT]),
    "vertices": ('{"label": "cat", "vertices": [[10, 20], [30, 22], [29, 40], [11, 38]]}', [CAT]),
    "points of objects": ('{"points": [{"x": 10, "y": 20}], "label": "eye"}', [EYE]),
    "boxes of objects": (
        '{"boxes": [{"x1": 10, "y1": 20, "x2": 30, "y2": 40, "label": "cat"}]}', [CAT]
    ),
    "boxes as texts": ('{"boxes": ["10,20,30,40", "50,60,70,80"]}', [BOX, SECOND]),
    # objects in objects
    "attributes": ('{"bbox_2d": [10, 20, 30, 40], "label": "cat", "attributes": {"color": "red"}}', [CAT]),
    "attributes before": ('{"attributes": {"a": {"b": 1}}, "label": "cat", "bbox_2d": [10, 20, 30, 40]}', [CAT]),
    "a list of attributes": ('{"bbox_2d": [10, 20, 30, 40], "tags": ["a", "b"], "label": "cat"}', [CAT]),
    "objects in an object": ('{"objects": [{"bbox_2d": [10, 20, 30, 40], "label": "cat"}]}', [CAT]),
    "the label around": ('{"label": "cat", "instances": [{"bbox": [10, 20, 30, 40]}]}', [CAT]),
    "the label as a key": ('{"cat": {"bbox_2d": [10, 20, 30, 40]}, "dog": {"bbox_2d": [50, 60, 70, 80]}}', [CAT, DOG]),
    "a nested box": ('{"bbox": {"x1": 10, "y1": 20, "x2": 30, "y2": 40}, "label": "cat"}', [CAT]),
    "a label that is a list": ('{"bbox_2d": [10, 20, 30, 40], "label": ["cat"]}', [CAT]),
    # other names
    **{
        name: (f'{{"{name}": [10, 20, 30, 40], "label": "cat"}}', [CAT])
        for name in ("bbox", "box", "box_2d", "bounding_box", "boundingBox", "BBox-2D", "bbox_coordinates", "coordinates", "position", "坐标")
    },
    **{
        name: (f'{{"{name}": [10, 20], "label": "eye"}}', [EYE])
        for name in ("point", "points", "coordinate", "keypoint", "click_point", "center", "start_box")
    },
    "x1": ('{"x1": 10, "y1": 20, "x2": 30, "y2": 40, "label": "cat"}', [CAT]),
    "x0": ('{"x0": 10, "y0": 20, "x1": 30, "y1": 40, "label": "cat"}', [CAT]),
    "xmin": ('{"label": "cat", "xmin": "10", "ymin": "20", "xmax": "30", "ymax": "40"}', [CAT]),
    "x_min": ('{"x_min": 10, "y_min": 20, "x_max": 30, "y_max": 40, "name": "cat"}', [CAT]),
    "left": ('{"left": 10, "top": 20, "right": 30, "bottom": 40}', [BOX]),
    "width and height": ('{"x": 10, "y": 20, "width": 20, "height": 20, "label": "cat"}', [CAT]),
    "opposite corners": ('{"top_left": [10, 20], "bottom_right": {"x": 30, "y": 40}}', [BOX]),
    "x and y": ('{"x": 10, "y": 20, "label": "eye"}', [EYE]),
    "x and y of a point": ('{"point": {"x": 10, "y": 20}}', [POINT]),
    "a Chinese label": ('{"边界框": [10, 20, 30, 40], "标签": "cat"}', [CAT]),
    # what is not quite JSON
    "escaped as a whole": ('"[{\\"bbox_2d\\": [10, 20, 30, 40], \\"label\\": \\"cat\\"}]"', [CAT]),
    "arrows": ('{"bbox_2d" => [10, 20, 30, 40], "label" => "cat"}', [CAT]),
    "no colon": ('{"bbox_2d" [10, 20, 30, 40], "label": "cat"}', [CAT]),
    "named numbers": ('{"bbox_2d": [x1=10, y1=20, x2=30, y2=40]}', [BOX]),
    "an array": ("{'bbox_2d': array([10, 20, 30, 40]), 'label': 'cat'}", [CAT]),
    "trailing commas": ('[{"bbox_2d": [10, 20, 30, 40,], "label": "cat",},]', [CAT]),
    "single quotes": ("[{'bbox_2d': [10, 20, 30, 40], 'label': 'cat'}]", [CAT]),
    "an apostrophe in single quotes": (
        "{'label': 'the cat's tail', 'bbox_2d': [10, 20, 30, 40]}", [Box("the cat's tail", 10, 20, 30, 40)]
    ),
    "curly quotes": ("{“bbox_2d”: [10, 20, 30, 40], “label”: “cat”}", [CAT]),
    "no quotes": ("{bbox_2d: [10, 20, 30, 40], label: cat}", [CAT]),
    "several words without quotes": ("{label: a red cat, bbox_2d: [10, 20, 30, 40]}", [Box("a red cat", 10, 20, 30, 40)]),
    "full-width punctuation": ('{"bbox_2d"：[10，20，30，40]，"label"："cat"}', [CAT]),
    "equals signs": ('{bbox_2d=[10, 20, 30, 40], label="cat"}', [CAT]),
    "Python's words": ('{"bbox_2d": [10, 20, 30, 40], "occluded": False, "id": None, "label": "cat"}', [CAT]),
    "a raw line break in a text": (
        '{"text_content": "two\nlines", "bbox_2d": [10, 20, 30, 40]}', [Box("two lines", 10, 20, 30, 40)]
    ),
    "quotes in a text": (
        '{"label": "a "stop" sign", "bbox_2d": [10, 20, 30, 40]}', [Box('a "stop" sign', 10, 20, 30, 40)]
    ),
    "an escaped quote": (
        '{"label": "a \\"stop\\" sign", "bbox_2d": [10, 20, 30, 40]}', [Box('a "stop" sign', 10, 20, 30, 40)]
    ),
    "a folder": ('{"label": "C:\\dir", "bbox_2d": [10, 20, 30, 40]}', [Box("C:\\dir", 10, 20, 30, 40)]),
    "a formula": ('{"label": "\\(x\\)", "bbox_2d": [10, 20, 30, 40]}', [Box("\\(x\\)", 10, 20, 30, 40)]),
    "braces in a text": ('{"label": "a } {", "bbox_2d": [10, 20, 30, 40]}', [Box("a } {", 10, 20, 30, 40)]),
    "an escaped character": ('{"label": "\\u732b\\ud83d\\ude00", "bbox_2d": [10, 20, 30, 40]}', [Box("猫😀", 10, 20, 30, 40)]),
    "half a surrogate pair": ('{"label": "\\ud83d", "bbox_2d": [10, 20, 30, 40]}', [Box("\ufffd", 10, 20, 30, 40)]),
    "comments": ('{\n// the cat\n"bbox_2d": [10, 20, 30, 40], /* sure */ "label": "cat"}', [CAT]),
    "no comma between members": ('{"bbox_2d": [10, 20, 30, 40] "label": "cat"}', [CAT]),
    "no comma between objects": ('[{"bbox_2d": [10, 20, 30, 40]}\n{"bbox_2d": [50, 60, 70, 80]}]', [BOX, SECOND]),
    # what is missing
    "no bracket after the numbers": ('[{"bbox_2d": [10, 20, 30, 40, "label": "cat"}]', [CAT]),
    "a brace after the numbers": ('{"bbox_2d": [10, 20, 30, 40}', [BOX]),
    "no brace between objects": (
        '[{"bbox_2d": [10, 20, 30, 40], "label": "cat", {"bbox_2d": [50, 60, 70, 80], "label": "dog"}]', [CAT, DOG]
    ),
    "one object for two": (
        '[{"bbox_2d": [10, 20, 30, 40], "label": "cat", "bbox_2d": [50, 60, 70, 80], "label": "dog"}]', [CAT, DOG]
    ),
    "no last brace": ('[{"bbox_2d": [10, 20, 30, 40], "label": "cat"', [CAT]),
    "no last brace in a fence": ('```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "cat"\n```\nThat is all.', [CAT]),
    "cut in the label": ('[{"bbox_2d": [10, 20, 30, 40], "label": "cat', [CAT]),
    "cut in the next box": ('[{"bbox_2d": [10, 20, 30, 40], "label": "cat"}, {"bbox_2d": [50, 60, 7', [CAT]),
    "cut in a list of boxes": ('{"label": "cat", "bbox_2d": [[10, 20, 30, 40], [50, 60, 7', [CAT]),
    "no braces": ('"bbox_2d": [10, 20, 30, 40], "label": "cat"', [CAT]),
    "a name in the text": ("The cat is at **bbox_2d**: [10, 20, 30, 40].", [BOX]),
    "the name in words": ("- **Bounding box:** (10, 20), (30, 40)", [BOX]),
    "a sentence": ("The bounding box of the cat is [10, 20, 30, 40].", [BOX]),
    "a Chinese sentence": ("猫的边界框为[10, 20, 30, 40]。", [BOX]),
    "YAML": ("```yaml\n- bbox_2d: [10, 20, 30, 40]\n  label: cat\n- bbox_2d: [50, 60, 70, 80]\n  label: dog\n```", [CAT, DOG]),
    "a brace in the text before": ('The set {1, 2 and "so on". {"bbox_2d": [10, 20, 30, 40], "label": "cat"}', [CAT]),
    # tool calls
    "a tool call": (
        '<tool_call>\n{"name": "computer_use", "arguments": {"action": "eye", "coordinate": [10, 20]}}\n</tool_call>', [EYE]
    ),
    "a tool call without its end": (
        '<tool_call>\n{"name": "eye", "arguments": {"coordinate": [10, 20]}\n</tool_call>', [EYE]
    ),
    "x and y of a tool call": ('<tool_call>{"name": "eye", "arguments": {"x": 10, "y": 20}}</tool_call>', [EYE]),
    "arguments as a text": (
        '{"function": "click", "arguments": "{\\"coordinate\\": [10, 20], \\"label\\": \\"eye\\"}"}', [EYE]
    ),
    "an action": ('{"action": "eye", "x": 10, "y": 20}', [EYE]),
    "a call in words": ("Action: click(start_box='(10,20)')", [POINT]),
    "a drag": (
        '{"action": "eye", "start_coordinate": [10, 20], "coordinate": [50, 60]}', [EYE, Point("eye", 50, 60)]
    ),
    "a tool call of elements": (
        "<tool_call>\n<function=computer_use>\n<parameter=coordinate>\n[10, 20]\n</parameter>\n</function>\n</tool_call>", [POINT]
    ),
    # elements
    "points": ('<points x1="10" y1="20" x2="50" y2="60" alt="eye">eyes</points>', [EYE, Point("eye", 50, 60)]),
    "one point": ("<point x='10' y='20'>eye</point>", [EYE]),
    "a point's numbers": ("<point>10 20</point>", [POINT]),
    "points without their end": ('<points x1="10.0" y1="20.0" alt="eye">', [EYE]),
    "a box's numbers": ("<box>[[10, 20, 30, 40]]</box>", [BOX]),
    "a box's corners": ('<box x1="10" y1="20" x2="30" y2="40" label="cat"/>', [CAT]),
    "QwenVL HTML": ('<h2 data-bbox="10 20 30 40">cat</h2>\n<p data-bbox="50 60 70 80">dog</p>', [CAT, DOG]),
    "HTML in a fence": ("```html\n<html><body>\n<td data-bbox='10 20 30 40'>cat</td>\n```", [CAT]),
    "HTML with commas": ('<img class="cat" data-bbox="10,20,30,40"/>', [CAT]),
    "QwenVL Markdown": ("# Title\n<!-- cat (10, 20, 30, 40) -->\ntext", [CAT]),
    "Qwen-VL": ("<ref>cat</ref><box>(10,20),(30,40)</box>", [CAT]),
    "an element's numbers": ("<label>cat</label><bbox_2d>[10, 20, 30, 40]</bbox_2d>", [CAT]),
    "Pascal VOC": (
        "<name>cat</name><bndbox>\n<xmin>10</xmin>\n<ymin>20</ymin>\n<xmax>30</xmax>\n<ymax>40</ymax>\n</bndbox>", [CAT]
    ),
    # control tokens
    "tokens with full-width marks": ("<|box_start|>（10，20），（30，40）<|box_end|>", [BOX]),
    "tokens": ("<|object_ref_start|>cat<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>", [CAT]),
    "tokens with spaces": ("<|box_start|> ( 10 , 20 ) , ( 30 , 40 ) <|box_end|>", [BOX]),
    "tokens with brackets": ("<|box_start|>[10, 20, 30, 40]<|box_end|>", [BOX]),
    "tokens with two brackets": ("<|box_start|>[[10, 20], [30, 40]]<|box_end|>", [BOX]),
    "tokens without parentheses": ("<|box_start|>10,20,30,40<|box_end|>", [BOX]),
    "tokens with one pair of parentheses": ("<|box_start|>(10,20,30,40)<|box_end|>", [BOX]),
    "tokens with two boxes": (
        "<|object_ref_start|>cat<|object_ref_end|><|box_start|>(10,20),(30,40),(50,60),(70,80)<|box_end|>",
        [CAT, Box("cat", 50, 60, 70, 80)],
    ),
    "tokens with a list of boxes": ("<|box_start|>[[10,20,30,40],[50,60,70,80]]<|box_end|>", [BOX, SECOND]),
    "tokens without their end": ("<|box_start|>(10,20),(30,40) and more", [BOX]),
    "tokens cut before their end": ("<|box_start|>(10,20),(30,40)", [BOX]),
    "the next token is the end": ("<|box_start|>(10,20),(30,40)<|box_start|>(50,60),(70,80)<|im_end|>", [BOX, SECOND]),
    "a point in tokens": ("click(start_box='<|box_start|>(10,20)<|box_end|>')", [POINT]),
    "a quadrangle in tokens": ("<|quad_start|>10,20,30,22,29,40,11,38<|quad_end|>", [BOX]),
    "tokens in JSON": ('{"bbox_2d": "<|box_start|>(10,20),(30,40)<|box_end|>"}', [BOX]),
    "tokens and JSON": ('<|box_start|>(10,20),(30,40)<|box_end|> {"bbox_2d": [50, 60, 70, 80]}', [BOX, SECOND]),
}  # fmt: skip


@pytest.mark.parametrize("convention", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_place_that_a_person_reads(
    spelling: str, convention: Convention
) -> None:
    answer, meant = SPELLINGS[spelling]
    assert read(answer, convention) == meant


NO_PLACES = {
    "numbers in prose": "Between 10, 20, 30 and 40 of the 50 boxes (1, 2), [3, 4] hold 5.5 kg.",
    "a list in prose": "The first primes are [2, 3, 5, 7], and (2, 3), (5, 7) are pairs.",
    "a telephone number": "Box office: +49 (30) 1234-5678, fax [30] 12 34 56 78. point: 10, 20",
    "dates": '{"date": "2024-01-02", "box": "2024-01-02", "point": "12:30", "coordinates": "10-20-30-40"}',
    "a table": "| box | x1 | y1 | x2 | y2 |\n|---|---|---|---|---|\n| 1 | 10 | 20 | 30 | 40 |",
    "one number": '{"box": 4, "points": 12, "position": 1, "label": "Ann"}',
    "scores": '{"name": "Ann", "points": [12, 15, 9, 20], "label": "match"}',
    "a chart": '[{"x": 2019, "y": 4}, {"x": 2020, "y": 5}]',
    "a series": '{"label": "Sales", "data": [10, 20, 30, 40]}',
    "numbers under another name": '{"cat": [10, 20, 30, 40], "size": [10, 20]}',
    "a size": '{"width": 1920, "height": 1080}',
    "a box in space": '{"bbox_3d": [1, 2, 3, 4, 5, 6, 7, 8, 9], "label": "car"}',
    "a schema": '{"bbox_2d": {"type": "array", "minItems": 4, "maxItems": 4}, "label": "string"}',
    "placeholders": '{"bbox_2d": [x1, y1, x2, y2], "label": "..."} and {"point_2d": ["x", "y"]}',
    "Python": '```python\nbbox = [10, 20, 30, 40]\nbox = {"bbox_2d": [10, 20, 30, 40]}\n```',
    "code without a language": '```\nbox = {"bbox_2d": [10, 20, 30, 40]}\n```',
    "JavaScript": "```js\nconst box = {x1: 10, y1: 20, x2: 30, y2: 40};\n```",
    "code in tildes": '~~~python\nprint({"bbox": [10, 20, 30, 40]})\n~~~',
    "a code span": "Call `crop(bbox=[10, 20, 30, 40])` or `box = {'bbox': [10, 20, 30, 40]}` then.",
    "a keyword": "Call crop(bbox=[10, 20, 30, 40]) then.",
    "a shape": '{"input_shape": [1, 3, 224, 224], "shape": [10, 20], "values": {"x": 10, "y": 20}}',
    "a drawing": '```svg\n<svg><rect x="10" y="20" width="30" height="40"/><polygon points="1,2 3,4"/></svg>\n```',
    "a formula": "$\\frac{10}{20} + \\{30, 40\\}$",
    "HTML": '<td width="10" height="20">30 40</td><!-- note 10 20 30 40 -->',
    "a box of three numbers": '{"bbox_2d": [1, 2, 3], "label": "a"} {"bbox_2d": [1, 2]}',
    "no numbers": '{"bbox_2d": [true, null, NaN, "a"]} {"bbox_2d": []} {"bbox_2d": null}',
    "a number that may grow": '{"bbox_2d": [10, 20, 30, 4',
    "a corner that may grow": "<|box_start|>(10,20)",
    "corners that may grow": "<|box_start|>10,20,30,4",
    "points that may grow": '<points x1="10" y1="2',
    "objects that may grow": '{"x1": 10, "y1": 20, "x2": 30, "y2": 4',
    "control tokens without places": "<|box_start|><|box_end|><|box_start|>here<|box_end|>",
    "six numbers": "<|box_start|>(1,2),(3,4),(5,6)<|box_end|>",
}


@pytest.mark.parametrize("kind", NO_PLACES)
def test_what_is_no_place_is_not_drawn(kind: str) -> None:
    assert read(NO_PLACES[kind]) == []


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_growing_answer_never_shows_a_place_that_is_gone_later(spelling: str) -> None:
    answer, meant = SPELLINGS[spelling]
    places = {numbers(shape) for shape in meant}
    for end in range(len(answer)):
        assert {numbers(shape) for shape in read(answer[:end])} <= places


def numbers(shape: Box | Point) -> tuple[int, ...]:
    return tuple(value for value in vars(shape).values() if isinstance(value, int))


@pytest.mark.parametrize(
    ("original", "resized", "box", "expected"),
    [
        ((1000, 27), (1000, 28), (10, 13, 500, 13.4), (10, 12, 500, 13)),  # rounds to nothing
        ((1000, 27), (1000, 28), (10, 27, 500, 28), (10, 26, 500, 27)),  # the last row
        ((1000, 27), (1000, 28), (10, 27.9, 500, 40), (10, 26, 500, 27)),
        ((27, 1000), (28, 1000), (0, 10, 0.4, 500), (0, 10, 1, 500)),
        ((10, 10), (1000, 1000), (990, 990, 991, 991), (9, 9, 10, 10)),
        ((1, 1), (28, 28), (3, 3, 5, 5), (0, 0, 1, 1)),
    ],
)
def test_a_box_is_at_least_a_pixel_wide_and_high(
    original: tuple[int, int],
    resized: tuple[int, int],
    box: tuple[float, ...],
    expected: tuple[int, int, int, int],
) -> None:
    answer = f'{{"bbox_2d": {list(box)}}}'
    found = parse(answer, "qwen2_5_vl", original=original, resized=resized)
    assert found == [Box("", *expected)]


@pytest.mark.parametrize("box", ["[5, 5, 5, 9]", "[1100, 10, 1200, 20]", "[-9, -9, -1, -1]"])
def test_a_box_without_an_area_in_the_picture_is_not_drawn(box: str) -> None:
    assert read(f'{{"bbox_2d": {box}}}') == []


# A reader that went back would take longer than a test may.
TO_READ = (
    '{', "{“", '{"a', '{"a":', '{"a":[', "{'", '{"label": "the "red" car', '{"a": "\\', '{"a": “', "{a b ", '{"a": "b",   ', "bbox: (",
    '<points x1="1" y1="2">', "<|box_start|>1", '{"bbox_2d":[[1,2],', '{"bbox_2d": [1,2,3,4]', '{"bbox_2d": "9,', '{"a": 1, 2',
)  # fmt: skip
TO_SKIP = ('"', "/*", "//", "~~~", "```\n", "`", "<a ", "<points ", "<|object_ref_start|>x", "<!-- a (", " ", "9", "\n", "bounding box a ")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("piece", "length"), [(p, 100_000) for p in TO_READ] + [(p, 1_000_000) for p in TO_SKIP]
)
def test_the_time_to_read_an_answer_is_that_of_its_length(piece: str, length: int) -> None:
    for first in ("", '{"bbox_2d": "'):
        text = first + piece * (length // len(piece))
        for shape in parse(text, "qwen2_5_vl", original=(30, 20), resized=(30, 20)):
            assert not isinstance(shape, Box) or (shape.x2 <= 30 and shape.y2 <= 20)
