// Follows the running answer again after a lost network, a locked phone, or a return from the browser's page cache, and shows
// a notice while the server cannot be reached.
import * as notices from '../page/notices.js';
import { $ } from '../page/parts.js';

const AWAY_MS = 3000; // shorter absences do not break a connection
const PROBE_MS = 2000;
const LOOK_MS = 15_000; // a network may go without a word
const ANSWER_MS = 20_000;
const LIVE = ['loading', 'queued', 'reading', 'answering'];
const SERVER = /\/gradio_api\//;
const EVENT = /\/gradio_api\/(?:run|queue)\//;

const live = () => LIVE.includes($('#run-state [data-state]')?.dataset.state);

function resume() {
  if (live()) $('#resume')?.click();
}

let ask; // the browser's own `fetch`
let lost = false;
// Gradio sends nothing after an event that failed until it reloads the page, seconds after the server is back. This reloads
// the page at once: what is done in between would be lost.
let cutOff = false;

/** Whether a failed request says that the server is out of reach. Requests that were given up do not. */
export const unreachable = (address, error) => SERVER.test(address) && error?.name !== 'AbortError';

// Gradio's notice of a lost connection is in English; the style sheet hides it.
function tell(isLost) {
  lost = isLost;
  document.documentElement.toggleAttribute('data-cut-off', lost);
  lost ? notices.tell('connectionLost') : notices.withdraw('connectionLost');
}

async function probe() {
  try {
    await ask('gradio_api/app_id', { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS) });
  } catch {
    cutOff ||= live();
    tell(true);
    setTimeout(probe, PROBE_MS);
    return;
  }
  if (cutOff) reload();
  else if (lost) tell(false);
}

// Once: a second call would break off the first.
let reloading = false;
function reload() {
  if (!reloading) location.reload();
  reloading = true;
}

function failed(address, error) {
  if (!unreachable(address, error)) return;
  cutOff ||= EVENT.test(address);
  if (!lost) probe();
}

function watchRequests() {
  ask = window.fetch.bind(window);
  window.fetch = async (address, options) => {
    try {
      return await ask(address, options);
    } catch (error) {
      failed(new URL(address instanceof Request ? address.url : address, document.baseURI).href, error);
      throw error;
    }
  };
}

export function start() {
  let hiddenAt = 0;
  watchRequests();
  addEventListener('offline', () => { if (!lost) probe(); });
  addEventListener('online', () => { if (cutOff) reload(); }); // at once
  setInterval(() => { if (live() && !lost && !document.hidden) probe(); }, LOOK_MS);
  // Its connections have ended, and it has been told nothing since.
  addEventListener('pageshow', (event) => { if (event.persisted) $('#resume')?.click(); });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > AWAY_MS) resume();
  });
}
