// A card above the composer for each file that did not reach the server, with the reason and "Try again". A file whose
// upload takes long is kept, too, because the page may be reloaded before it has arrived.
import { $ } from '../page/parts.js';
import { megabytes, text, whenSaid } from '../page/texts.js';
import { forget, keep, kept } from './unsent_files.js';

const SENTENCES = {
  'too-large': 'uploadTooLarge',
  'not-stored': 'uploadNotStored',
  'log-in': 'uploadLogIn',
  refused: 'uploadRefused',
  unreadable: 'uploadUnreadable',
  strange: 'uploadStrange',
  connection: 'uploadConnection',
  silence: 'uploadSilence',
  notTaken: 'uploadNotTaken',
};
// For these, trying again would not help.
const FINAL = ['too-large', 'unreadable'];

const LIST = 'failed-uploads';
const LONG_MS = 1000;

const failures = new Map(); // by id: { file, error }
const leaving = new Map(); // by file that is being uploaded: { id, timer }
/** @type {{ tab: string, limit: number, again: (file: File) => unknown } | null} */
let page = null; // what `start` was given

/** Show the failures so far, and those of an earlier page of this tab. tab: its key; limit: of a file, in bytes; again: sends a file. */
export async function start({ tab, limit, again }) {
  page = { tab, limit, again };
  whenSaid(draw);
  for (const id of failures.keys()) remember(id);
  for (const { id, file, error } of await kept(tab)) failures.set(id, { file, error });
  draw();
}

const newId = () => crypto.getRandomValues(new Uint32Array(2)).join('-');

/** The upload of a file begins. If the page is reloaded before it ends, the next page offers the file again. */
export function leaves(file) {
  const id = newId();
  const timer = setTimeout(() => { if (page) keep(id, page.tab, file, { reason: 'connection' }); }, LONG_MS);
  leaving.set(file, { id, timer });
}

/** The upload of a file has ended. */
export function arrived(file) {
  if (!leaving.has(file)) return;
  const { id, timer } = leaving.get(file);
  leaving.delete(file);
  clearTimeout(timer);
  forget(id);
}

/** The upload of a file has failed with this `UploadError`. */
export function failed(file, error) {
  const id = newId();
  arrived(file);
  failures.set(id, { file, error });
  draw();
  remember(id);
}

// Before `start` there is neither a tab to keep it for nor a way to send it again.
function remember(id) {
  const { file, error } = failures.get(id);
  if (page && !FINAL.includes(error.reason)) keep(id, page.tab, file, error);
}

/** Remove all cards and their files. */
export function dismiss() {
  for (const id of failures.keys()) forget(id);
  failures.clear();
  draw();
}

/** The sentence on a file's card. */
export function sentence(file, error, limit) {
  const name = error.reason === 'too-large' && !limit ? 'uploadTooLargeHere' : SENTENCES[error.reason];
  const values = { name: file.name, size: megabytes(file.size), limit: megabytes(limit), status: error.status };
  return text(name ?? 'uploadStrange', values);
}

function draw() {
  if (!page) return;
  const list = $(`#${LIST}`) ?? Object.assign(document.createElement('ul'), { id: LIST });
  if (!list.isConnected) $('#composer').before(list);
  const shown = page;
  list.replaceChildren(...[...failures].map(([id, failure]) => card(id, failure, shown)));
  list.hidden = !failures.size;
}

function card(id, { file, error }, { limit, again }) {
  const made = document.createElement('li');
  const said = document.createElement('p');
  said.setAttribute('role', 'alert');
  said.textContent = sentence(file, error, limit);
  const leave = () => { failures.delete(id); draw(); return forget(id); };
  made.append(said);
  if (!FINAL.includes(error.reason)) made.append(button(text('tryAgain'), () => { leave(); again(file); }));
  made.append(button('✕', leave, text('dismiss')));
  return made;
}

function button(label, pressed, name = label) {
  const made = Object.assign(document.createElement('button'), { type: 'button', textContent: label, ariaLabel: name });
  made.addEventListener('click', pressed);
  return made;
}
