// Opens a kept chat in place of the conversation on the page.
import { STOP } from '../composer/composer.js';
import * as notices from '../page/notices.js';
import { $ } from '../page/parts.js';
import { upload } from '../tray/upload.js';
import { alone, answered, ended, kept, shows } from './keeping.js';
import { ask } from './server.js';
import * as store from './store.js';

const LOOK_MS = 50;
const FAILURES = ['chatsUnkept', 'chatsLost', 'chatsNotOpened'];

// Stops the answer that is being written and keeps its text. The Stop button disappears last.
async function stopped() {
  $(STOP)?.click();
  while (!ended() || $(STOP)) await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
}

// The server's answer, after all files that it lacks have been uploaded.
async function asked({ zip, media }) {
  const files = media.map(({ name, path, key }) => [name, path, key]);
  const path = await upload(new File([zip], 'chat.zip'));
  for (;;) { // others may go while some are uploaded
    const told = await ask('reopen', { path, files });
    if (!told.missing) return told;
    for (const name of told.missing) {
      const at = media.findIndex((one) => one.name === name);
      const blob = at < 0 ? undefined : await store.file(media[at].hash);
      if (!blob) { notices.tell('chatsLost'); return {}; }
      files[at] = [name, await upload(new File([blob], name.split('/').at(-1), { type: blob.type })), ''];
    }
  }
}

/** Resolves to whether the chat is open. */
export const reopen = (record) => alone(() => reopened(record));

async function reopened(record) {
  for (const name of FAILURES) notices.withdraw(name);
  try {
    await stopped();
    if (answered() && !await kept()) { notices.tell('chatsUnkept'); return false; }
    const now = await store.chat(record.id) ?? record; // it may have gone on since the list was drawn
    const told = await asked(now);
    if (told.chat) shows(told.chat, now);
    return Boolean(told.chat); // or the server says why not
  } catch {
    notices.tell('chatsNotOpened');
    return false;
  }
}
