// Files that are pasted, dropped, chosen or taken with the camera go into the tray.
import * as clipboard from '../browser/clipboard.js';
import * as composer from '../composer/composer.js';
import { key, whenOwned } from '../opening/conversation_key.js';
import * as failedUploads from './failed_uploads.js';
import { Intake } from './intake.js';
import { sends } from '../browser/keyboard.js';
import { clearText } from '../composer/new_chat.js';
import { opened } from '../opening/opening.js';
import { $, whenReady, within } from '../page/parts.js';
import { restore } from '../conversation/reproduce.js';
import { choosePages, pagesField, request } from './tray.js';
import { upload } from './upload.js';
import { showProgress } from './upload_progress.js';

const EDITABLE = 'input, textarea, [contenteditable]';

const limit = () => Number($('meta[name=max-file-bytes]')?.content ?? 0);

const intake = new Intake({
  store: (file, options) => upload(file, { ...options, maxBytes: limit() }),
  cards: failedUploads,
  deliver: (files) => request('attach', { files }),
  restore,
  send: composer.send,
  show: (underWay) => showProgress(underWay, cancel),
});

function cancel() {
  intake.abandon();
  composer.focus();
}

/** Put these files into the tray. */
export const attach = (files) => intake.add(files);

/** Have the server say that the camera or the screen gave no picture. */
export const attachFailed = (reason) => request('attach', { files: [], error: reason });

/** New chat: drop the draft, its text and its files. */
export function startOver(key) {
  clearText();
  intake.abandon();
  failedUploads.dismiss();
  return key;
}

function holdMessages() {
  const hold = (event) => intake.holdBack(event);
  for (const kind of ['keydown', 'keypress']) {
    document.addEventListener(kind, (event) => {
      if (sends(event) && within(event, composer.FIELDS)) hold(event);
    }, true);
  }
  document.addEventListener('click', (event) => { if (within(event, composer.SENDS)) hold(event); }, true);
}

function takeFiles() {
  const take = (event, files) => { event.preventDefault(); event.stopPropagation(); attach(files); };
  document.addEventListener('paste', (event) => {
    const files = clipboard.pasted(event.clipboardData);
    if (files.length) take(event, files);
  }, true);
  document.addEventListener('dragover', (event) => {
    const { dataTransfer } = event;
    if (!dataTransfer || within(event, EDITABLE) && !dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    if (!dataTransfer.types.includes('Files')) dataTransfer.dropEffect = 'none';
  }, true);
  document.addEventListener('drop', (event) => {
    if (event.dataTransfer?.files.length) take(event, event.dataTransfer.files);
    else if (!within(event, EDITABLE)) event.preventDefault(); // the browser would follow a dropped link
  }, true);
  document.addEventListener('change', (event) => {
    const field = within(event, '#composer input[type=file]');
    if (!field) return;
    take(event, field.files);
    field.value = ''; // so that the same file can be chosen again
    // What is typed next is the question: on the button, a space would ask for files again. Not where it brings a keyboard up.
    if (!matchMedia('(pointer: coarse)').matches) composer.focus();
  }, true);
}

// Enter in the field of a document, or leaving it, chooses its pages.
function takePages() {
  document.addEventListener('change', (event) => {
    const field = pagesField(event);
    if (field) intake.during(choosePages(field));
  }, true);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.isComposing) pagesField(event)?.blur();
  }, true);
}

export function start() {
  holdMessages();
  takeFiles();
  takePages();
  opened.then(() => intake.open());
  whenOwned().then(() => whenReady(() => {
    failedUploads.start({ tab: key(), limit: limit(), again: (file) => attach([file]) });
  }));
}
