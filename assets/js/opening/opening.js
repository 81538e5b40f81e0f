// A page that opens tells the server who it is, and one that is left says so.
import { restoreDraft } from '../composer/composer.js';
import { key, whenOwned } from './conversation_key.js';
import { language } from '../page/language.js';
import * as notices from '../page/notices.js';
import { one } from '../page/parts.js';
import { openAsBefore } from '../settings/sidebar.js';

const OPEN_MS = 15_000; // for the server's answer

let resolveOpened;
/** Resolves when the server knows this page. Before, it answers nothing else. */
export const opened = new Promise((resolve) => { resolveOpened = resolve; });

/** What the server needs to know of a page that has just been loaded. */
export async function open() {
  openAsBefore();
  restoreDraft();
  setTimeout(tellOfSilence, OPEN_MS);
  const original = await whenOwned();
  return [key(), language(), original];
}

// The banner comes with the server's answer.
function tellOfSilence() {
  if (one('#model-banner strong')) return notices.withdraw('notOpened');
  notices.tell('notOpened');
  return setTimeout(tellOfSilence, 1000);
}

let leaving = '';

/** The server has opened this page; `page` is its name. */
export function acknowledge(key, page) {
  if (!key) return; // the server has refused it
  leaving = JSON.stringify({ key, page });
  resolveOpened();
}

/** The server waits for a page whose connection was cut, and not for one that says that it goes. */
export function sayGoodbye() {
  addEventListener('pagehide', () => { if (leaving) navigator.sendBeacon('leave', leaving); });
}
