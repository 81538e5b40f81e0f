// Keeps the conversation of this page after each change, if the person has chosen so.
import { whenDrawn } from '../conversation/conversation.js';
import { heldElsewhere, key } from '../opening/conversation_key.js';
import { owner } from '../opening/opening.js';
import * as notices from '../page/notices.js';
import { $, ANY_CHANGE } from '../page/parts.js';
import { chosen, known, remember, whenChosen } from './choice.js';
import { ask } from './server.js';
import * as store from './store.js';
import * as unkept from './unkept.js';

const SETTLE_MS = 100; // the elements of an update change one after the other
const LOOK_MS = 1000; // between two looks at the last answer of a closed tab
const MAX_LOOKS = 10;
const UNDER_WAY = ['queued', 'reading', 'answering'];
const NOTICES = { 'too-large': 'chatsTooLarge', refused: 'chatsRefused' };

const listeners = [];
let chat = ''; // the conversation's id on the server

/** Call `listener` when a chat was kept, or there is another conversation on the page. */
export const whenKept = (listener) => listeners.push(listener);

const tell = () => { for (const listener of listeners) listener(); };

/** Whether no answer is being written. */
export const ended = () => !UNDER_WAY.includes($('#run-state [data-state]')?.dataset.state);
export const answered = () => Boolean($('#chatbot .bot'));

/** The id of the record of the conversation on the page, or ''. */
export const current = () => known()[chat]?.id ?? '';

/** The page shows this conversation now. */
export function shows(id, record) {
  chat = id;
  if (record) remember(id, record);
  tell();
}

const fetched = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return await answer.blob();
};

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const wanted = () => chosen() === 'yes';

// holder: the key of the tab that has the conversation.
async function recordOf(told, id, holder) {
  const thumbnails = await Promise.all(told.thumbnails.map((url) => fetched(url).catch(() => null)));
  const zip = new Blob([Uint8Array.from(atob(told.zip), (byte) => byte.charCodeAt(0))], { type: 'application/zip' });
  const media = told.media.map(({ name, path, hash, bytes }) => ({ name, path, hash, bytes, key: holder }));
  return {
    id, owner: owner(), at: Date.now(), state: told.state, stamp: Math.random().toString(36).slice(2), title: told.title,
    thumbnails: thumbnails.filter(Boolean), zip, media, bytes: zip.size,
  };
}

// before: where it was kept so far; written: called with the record, before its files are there.
async function put(told, holder, before, written) {
  const record = await store.keep(await recordOf(told, before?.id ?? told.chat, holder), before, wanted);
  if (!record) return wanted(); // it was deleted: nothing of it is to be kept
  written(record);
  const lacking = new Set(await store.missing(told.media.map(({ hash }) => hash)));
  for (const { hash, url } of told.media.filter((one) => lacking.delete(one.hash)))
    await store.putMedia(record.id, hash, await fetched(url));
  return true;
}

async function keep() {
  if (!wanted()) return false;
  const told = await ask('keep');
  if (told.refused) throw new store.StoreError(told.refused);
  if (!told.zip) return false;
  const done = await put(told, key(), known()[told.chat], (record) => {
    notices.withdraw(NOTICES.refused);
    shows(told.chat, record);
  });
  if (ended()) unkept.settle();
  return done;
}

// The last turn of a tab that was closed before it was kept.
async function keepLeft(of, knownThere) {
  let told = await ask('keep', { of });
  for (let looks = 1; told.writing && looks < MAX_LOOKS; looks += 1) {
    await pause(LOOK_MS);
    told = await ask('keep', { of });
  }
  if (told.zip) await put(told, of, knownThere[told.chat], tell);
}

async function keepAllLeft() {
  for (const [of, knownThere] of wanted() ? unkept.left() : []) {
    if (await heldElsewhere(of)) continue;
    await keepLeft(of, knownThere).then(() => unkept.settle(of), () => {}); // or the page after this one does
  }
  return true;
}

/** Resolves to whether the conversation on the page is kept, with all its files, or was deleted. Call it within `alone`. */
export async function kept() {
  try {
    return await keep();
  } catch (/** @type {any} */ error) {
    if (error instanceof store.StoreError) notices.tell(NOTICES[error.reason]);
    return false;
  }
}

/** @type {Promise<boolean>} */
let latest = Promise.resolve(false);

/** Do this while nothing else is kept or opened. `work` gives whether it was done, and fails by no exception. */
export const alone = (work) => latest = latest.then(work);

function look() {
  if (!ended()) return;
  if (answered()) alone(kept);
  else if (chat) shows('');
}

/** Call it when the page is ready and knows who is logged in. changed: called after each change of the conversation. */
export function start(changed) {
  let timer = 0;
  const settled = () => { look(); changed(); };
  const later = () => {
    if (!ended()) changed();
    if (!ended() || answered()) unkept.note();
    clearTimeout(timer);
    timer = setTimeout(settled, SETTLE_MS);
  };
  alone(keepAllLeft);
  whenDrawn(later);
  whenChosen(later);
  new MutationObserver(later).observe($('#run-state'), ANY_CHANGE);
  later();
}
