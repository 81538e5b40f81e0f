// Asks the server what the message costs: only if something is attached, and once more after the last item was removed.
import { send } from '../page/elements.js';

let priced = false;

/** Call it when the tray or the message has changed. read: also read ahead what is attached. */
export function price(tray, read) {
  const attached = tray?.includes('<li ') ?? false;
  if (attached || priced) send('pricing', attached && read ? 'read' : 'price');
  priced = attached;
}
