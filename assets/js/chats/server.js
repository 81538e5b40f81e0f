// What the server is asked about the conversation of this tab; it answers each request once.
import { send } from '../page/elements.js';
import { whenRefused } from '../page/refusals.js';

const PATIENCE_MS = 60_000;

const waiting = new Map(); // by request: the functions that take the answer and the failure
let latest = 0;

// Takes them out of `waiting`, if they are there.
function taken(request) {
  const [resolve, reject] = waiting.get(request) ?? [() => {}, () => {}];
  waiting.delete(request);
  return { resolve, reject };
}

const fail = (request) => taken(request).reject(new Error('no answer'));

/** Resolves to the answer; rejects if there is none. event: 'keep' or 'reopen'. */
export function ask(event, data = {}) {
  latest += 1;
  const request = latest;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(fail, PATIENCE_MS, request);
    waiting.set(request, [(told) => { clearTimeout(timer); resolve(told); }, reject]);
    send('chats', event, { ...data, request });
  });
}

/** The server has answered. */
export const reply = (told) => taken(told?.request).resolve(told); // null after the first event, if that was refused

whenRefused((posted) => {
  for (const request of waiting.keys()) if (new RegExp(`"request":${request}\\b`).test(posted)) fail(request);
  return false;
});
