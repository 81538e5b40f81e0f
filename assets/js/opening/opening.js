// Tells the server when the page opens and when it is left.
import { session } from '../browser/storage.js';
import { dropDraft, restoreDraft } from '../composer/composer.js';
import { key, whenOwned } from './conversation_key.js';
import { dropSaid, heldBefore } from './said.js';
import { language } from '../page/language.js';
import * as notices from '../page/notices.js';
import { $ } from '../page/parts.js';
import { openAsBefore } from '../settings/sidebar.js';

const OPEN_MS = 15_000; // for the server's answer
const OWNER = 'qwen-vl-chat-owner'; // who was logged in when this tab was opened last

let resolveOpened;
/** Resolves when the server knows this page. Before, it answers nothing else. */
export const opened = new Promise((resolve) => { resolveOpened = resolve; });

/**
 * The inputs of the event that opens the page: its key, its language, the key of the tab that it duplicates, and what the page
 * before it held.
 */
export async function open() {
  openAsBefore();
  restoreDraft();
  setTimeout(tellOfSilence, OPEN_MS);
  const original = await whenOwned();
  return [key(), language(), original, heldBefore()];
}

// Warns as long as the banner, which comes with the server's answer, is missing.
function tellOfSilence() {
  if ($('#model-banner strong')) return notices.withdraw('notOpened');
  notices.tell('notOpened');
  return setTimeout(tellOfSilence, 1000);
}

let leaving = '';

let loggedIn = '';
/** The name of who is logged in, or ''. */
export const owner = () => loggedIn;

/** The server has opened this page; `page` is its name, and `name` that of who is logged in. */
export function acknowledge(key, page, name) {
  if (!key) return; // refused
  loggedIn = name;
  if ((session.get(OWNER) || name) !== name) { // what the tab has kept is somebody else's
    dropDraft();
    dropSaid();
  }
  session.set(OWNER, name);
  leaving = JSON.stringify({ key, page });
  resolveOpened();
}

/**
 * Say when the page is left. The server keeps an answer for a page whose connection was cut, but not for one that is left. A
 * page that the browser keeps may come back, and says nothing.
 */
export function sayGoodbye() {
  addEventListener('pagehide', (event) => {
    if (leaving && !event.persisted) navigator.sendBeacon('leave', leaving);
  });
}
