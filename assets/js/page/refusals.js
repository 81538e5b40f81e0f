// What the server refuses to do is told. Gradio says so only of events that wait in its queue.
import * as notices from './notices.js';

const EVENT = /\/gradio_api\/run\/predict\b/;
const LOGGED_OUT = 401;

const listeners = [];

/** Call `listener` with what was posted whenever an event is refused; it gives whether it tells the person itself. */
export const whenRefused = (listener) => listeners.push(listener);

/** What a person is told: `[name, values]` of a sentence. status, body: the answer's. */
export function told(status, body) {
  if (status === LOGGED_OUT) return ['loggedOut', {}];
  /** @type {any} */
  let answer;
  try { answer = JSON.parse(body); } catch { /* a page for people, of a proxy */ }
  // What has a `detail`, too, is for programs that post what no page does.
  const said = typeof answer?.error === 'string' && answer.detail === undefined ? answer.error : '';
  return said ? ['refusedBecause', { reason: said }] : ['refused', { status }];
}

async function hear(answer, posted) {
  const [name, values] = told(answer.status, await answer.text());
  const isTold = listeners.map((listener) => listener(posted)).some(Boolean);
  withdraw();
  if (name !== 'refused' || !isTold) notices.tell(name, values);
}

function withdraw() {
  for (const name of ['loggedOut', 'refusedBecause', 'refused']) notices.withdraw(name);
}

/** Hear the answers to the page's events. window: whose `fetch` Gradio calls. */
export function start(window = globalThis) {
  const { fetch } = window;
  window.fetch = async (address, options) => {
    const answer = await fetch(address, options);
    if (EVENT.test(answer.url)) {
      if (answer.ok) withdraw();
      else hear(answer.clone(), String(options?.body ?? ''));
    }
    return answer;
  };
}
