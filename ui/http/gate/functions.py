"""What Gradio knows of a page: its functions, what they take, and what waits in its queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gradio as gr
from gradio.components.api_component import Api

from ui.http.asker import address_of, person_of
from ui.http.gate.posted import Inputs

# Gradio fails on others before any handler runs.
_TYPES: Mapping[type, tuple[type, ...]] = {
    gr.Textbox: (str,),
    gr.JSON: (dict,),
    Api: (),
}


def queued_in(blocks: gr.Blocks) -> set[int]:
    """The functions that wait in Gradio's queue, by number."""
    return {number for number, function in blocks.fns.items() if function.queue}


def followed_in(blocks: gr.Blocks) -> Callable[[str], bool]:
    """Whether there is anything to hear of a session or an event."""

    def followed(word: str) -> bool:
        queue = blocks._queue
        return (
            word in queue.pending_messages_per_session
            or word in queue.event_ids_to_events
            or any(word in events for events in queue.pending_event_ids_session.values())
        )

    return followed


def events_in(blocks: gr.Blocks) -> Callable[[str], int]:
    """How many events of one person wait in Gradio's queue or are being handled."""

    def events_of(person: str) -> int:
        queue = blocks._queue
        handled = (event for job in queue.active_jobs if job for event in job)
        lines = queue.event_queue_per_concurrency_id.values()
        events = (*handled, *(event for line in lines for event in line.queue))
        return sum(person_of(address_of(event.request)) == person for event in events)

    return events_of


def inputs_of(blocks: gr.Blocks) -> dict[int, Inputs]:
    """What the functions of the page take; those without a handler run in the browser alone."""
    return {
        number: [
            frozenset(value for _, value in component.choices)
            if isinstance(component, gr.Radio)
            else _TYPES.get(type(component))
            for component in function.inputs
        ]
        for number, function in blocks.fns.items()
        if function.fn
    }
