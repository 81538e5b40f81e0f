// Follows the running answer again after a lost network, a locked phone, or a return from the browser's page cache.
// A reload does so anyway.
import { $ } from '../page/parts.js';

const AWAY_MS = 3000; // shorter absences do not break a connection
const LIVE = ['loading', 'queued', 'reading', 'answering'];

const live = () => LIVE.includes($('#run-state [data-state]')?.dataset.state);

function resume() {
  if (live()) $('#resume')?.click();
}

export function start() {
  let hiddenAt = 0;
  let cutOff = false;
  addEventListener('offline', () => { cutOff ||= live(); });
  // After a failed request Gradio sends nothing, and reloads the page within two seconds of the network's return. This
  // reloads at once, because a message that is sent in between would be lost.
  addEventListener('online', () => {
    if (cutOff || $('.toast-body.error')) location.reload();
  });
  // Its connections have ended, and it has been told nothing since.
  addEventListener('pageshow', (event) => { if (event.persisted) $('#resume')?.click(); });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > AWAY_MS) resume();
  });
}
