"""Reading what is attached before Send is pressed: a thread of the backend's, awaited by the page."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress

from model.backend import Backend
from model.conversation import Conversation
from model.errors import DemoError
from model.serving.person import PERSON
from model.settings import GenerationSettings

log = logging.getLogger(__name__)


async def read_ahead(
    backend: Backend,
    draft: Conversation,
    settings: GenerationSettings,
    session: str,
    person: str = "",
) -> bool:
    """Whether all of the draft but its question has been read; False as soon as that is pointless.

    person: who shares what there is with others, whatever the session.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def tell(result: bool) -> None:
        if not done.done():
            done.set_result(result)

    def read() -> None:
        PERSON.set(person)
        result = False
        try:
            result = backend.read_ahead(draft, settings, session=session)
        except DemoError:
            pass  # sending will say what is wrong
        except Exception:
            log.exception("reading ahead failed")
        with suppress(RuntimeError):  # the event loop is gone when the server shuts down
            loop.call_soon_threadsafe(tell, result)

    # Its own thread: it may wait for minutes until nobody needs the model, and a pool would fill up.
    threading.Thread(target=read, name="read-ahead", daemon=True).start()
    return await done
