"""What Gradio knows of the page: its functions, their inputs, and its queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import gradio as gr

from ui.gradio_compat import ApiInput, functions, is_followed, requests_in_the_queue
from ui.http.asker import address_of, person_of
from ui.http.gate.posted import Inputs

# Gradio fails on values of other types before a handler runs.
_TYPES: Mapping[type, tuple[type, ...]] = {
    gr.Textbox: (str,),
    gr.JSON: (dict,),
    ApiInput: (),
}


def queued_in(blocks: gr.Blocks) -> set[int]:
    """The numbers of the functions that use Gradio's queue."""
    return {number for number, function in functions(blocks).items() if function.queue}


def known_in(blocks: gr.Blocks) -> Callable[[str], bool]:
    """Return a function that tells whether Gradio knows a session or an event."""
    return partial(is_followed, blocks)


def events_in(blocks: gr.Blocks) -> Callable[[str], int]:
    """Return a function that counts a person's events that wait in Gradio's queue or are being handled."""

    def events_of(person: str) -> int:
        asked = requests_in_the_queue(blocks)
        return sum(person_of(address_of(request)) == person for request in asked)

    return events_of


def inputs_of(blocks: gr.Blocks) -> dict[int, Inputs]:
    """The inputs of the page's functions, by number. Functions without a handler run in the browser and are left out."""
    return {
        number: [
            frozenset(value for _, value in component.choices)
            if isinstance(component, gr.Radio)
            else _TYPES.get(type(component))
            for component in function.inputs
        ]
        for number, function in functions(blocks).items()
        if function.fn
    }
