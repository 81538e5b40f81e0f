// What the message costs. The server is asked only where something is attached, and once more when nothing is any
// longer.
import { send } from '../page/elements.js';

let priced = false;

/** The tray is drawn, or the message has changed. read: what is attached is read ahead, too. */
export function price(tray, read) {
  const attached = tray?.includes('<li ') ?? false;
  if (attached || priced) send('pricing', attached && read ? 'read' : 'price');
  priced = attached;
}
