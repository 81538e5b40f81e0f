// Asks the server what the message costs: only if something is attached, and once more after the last item was removed.
import { FIELDS } from './composer.js';
import { send } from '../page/elements.js';
import { $, within } from '../page/parts.js';

let priced = false;

/** Call it when the tray or the message has changed. read: also read ahead what is attached. */
export function price(tray, read) {
  const attached = tray?.includes('<li ') ?? false;
  if (attached || priced) send('pricing', attached && read ? 'read' : 'price');
  priced = attached;
}

/** Ask at every change of the text by a person. Gradio reports keys only, not what is pasted, deleted or composed. */
export function start() {
  document.addEventListener('input', (event) => {
    if (event.isTrusted && within(event, FIELDS) && $('#tray li')) send('pricing', 'price');
  });
}
