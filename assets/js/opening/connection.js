// A page that was cut off picks the running answer up again: after a lost network, a locked phone, or
// when the browser takes it out of its cache. A reload does so by itself.
import { one } from '../page/parts.js';

const AWAY_MS = 3000; // shorter absences do not break a connection
const LIVE = ['loading', 'queued', 'reading', 'answering'];

const live = () => LIVE.includes(one('#run-state [data-state]')?.dataset.state);

function resume() {
  if (live()) one('#resume')?.click();
}

export function start() {
  let hiddenAt = 0;
  let cutOff = false;
  addEventListener('offline', () => { cutOff ||= live(); });
  // Gradio sends nothing any more once a request has failed, and reloads the page within two seconds of
  // the network's return. At once is better: what somebody sends until then would go nowhere.
  addEventListener('online', () => {
    if (cutOff || one('.toast-body.error')) location.reload();
  });
  addEventListener('pageshow', (event) => { if (event.persisted) resume(); });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > AWAY_MS) resume();
  });
}
