// What the server is asked about the conversation of this tab; it answers each request once.
import { send } from '../page/elements.js';

const PATIENCE_MS = 60_000;

const waiting = new Map(); // by request: the function that takes the answer
let latest = 0;

/** The answer, which has nothing in it if there is none. event: 'keep' or 'reopen'. */
export function ask(event, data = {}) {
  latest += 1;
  const request = latest;
  return new Promise((resolve) => {
    const timer = setTimeout(reply, PATIENCE_MS, { request });
    waiting.set(request, (told) => { clearTimeout(timer); resolve(told); });
    send('chats', event, { ...data, request });
  });
}

/** The server has answered. */
export function reply(told) {
  const answer = waiting.get(told.request);
  waiting.delete(told.request);
  answer?.(told);
}
