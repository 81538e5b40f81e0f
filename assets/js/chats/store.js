// The chats in this browser's database: a record for each, and pictures and clips by their content hash.
import { allowed, MAX_CHATS, place, surplus, unneeded } from './bounds.js';

const DATABASE = 'qwen-vl-chat-chats';
const CHATS = 'chats';
const MEDIA = 'media';

/** Why a chat is not kept: `reason` is 'too-large' or 'refused'. */
export class StoreError extends Error {
  constructor(reason) {
    super(reason);
    this.name = 'StoreError';
    this.reason = reason;
  }
}

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function opened() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore(CHATS, { keyPath: 'id' });
    opening.result.createObjectStore(MEDIA); // Blobs, by SHA-256
  };
  return await done(opening);
}

// Returns the result of `work` after its transaction has completed.
async function use(mode, work) {
  const database = await opened();
  try {
    const transaction = database.transaction([CHATS, MEDIA], mode);
    const written = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    written.catch(() => {}); // told below, or by `work`
    const result = await work(transaction.objectStore(CHATS), transaction.objectStore(MEDIA));
    await written;
    return result;
  } finally {
    database.close();
  }
}

async function sweep(chats, media) {
  const gone = unneeded(await done(media.getAllKeys()), await done(chats.getAll()));
  for (const hash of gone) media.delete(hash);
}

const newest = (all, owner) => all.filter((one) => one.owner === owner).sort((a, b) => b.at - a.at);

/** The chats of this log-in, the newest first. */
export const list = async (owner) => newest(await use('readonly', (chats) => done(chats.getAll())), owner);

/** How much there may be, in chats and bytes. */
export async function limits() {
  const estimate = await navigator.storage?.estimate?.().catch(() => null);
  return { chats: MAX_CHATS, bytes: allowed(estimate?.quota) };
}

const write = (record, seen, most) => use('readwrite', async (chats, media) => {
  const all = await done(chats.getAll());
  const [id, changed] = place(record, seen, all, crypto.getRandomValues(new Uint32Array(4)).join('-'));
  const before = all.find((one) => one.id === id);
  // The server may have moved the media, even if the conversation has not changed.
  const now = { ...(changed ? record : before), id, media: record.media };
  const others = all.filter((one) => one.id !== id);
  const gone = surplus([...others, now], id, most);
  if (gone.includes(id)) throw new StoreError('too-large');
  await done(chats.put(now));
  for (const one of gone) chats.delete(one);
  await sweep(chats, media);
  return now;
});

async function dropOldest(but) {
  return await use('readwrite', async (chats, media) => {
    const [oldest] = (await done(chats.getAll())).filter(({ id }) => id !== but).sort((a, b) => a.at - b.at);
    if (!oldest) return false;
    await done(chats.delete(oldest.id));
    await sweep(chats, media);
    return true;
  });
}

// Deletes the oldest chats until there is room.
async function roomily(id, work) {
  for (;;) {
    try {
      return await work();
    } catch (/** @type {any} */ error) {
      if (error instanceof StoreError) throw error;
      const full = error?.name === 'QuotaExceededError';
      if (!full || !await dropOldest(id).catch(() => false)) throw new StoreError('refused');
    }
  }
}

/**
 * Keep a chat; gives its record as it is kept, which may have another id, see `place`. Its media are put afterwards. Throws
 * `StoreError`.
 */
export const keep = async (record, seen) => {
  const most = await limits();
  return await roomily(record.id, () => write(record, seen, most));
};

/** Keep a file of the chat `id`. Throws `StoreError`. */
export const putMedia = (id, hash, blob) => roomily(id, () => use('readwrite', async (chats, media) => {
  const record = await done(chats.get(id));
  // It may have been deleted meanwhile.
  if (record?.media.some((one) => one.hash === hash)) await done(media.put(blob, hash));
}));

/** Those of these hashes whose files are not here. */
export async function missing(hashes) {
  const here = new Set(await use('readonly', (_, media) => done(media.getAllKeys())));
  return hashes.filter((hash) => !here.has(hash));
}

/** The file with this hash, or undefined. */
export const file = (hash) => use('readonly', (_, media) => done(media.get(hash)));

/** Delete the chats for which `chosen` is true, and what only they have. */
export const remove = (chosen) => use('readwrite', async (chats, media) => {
  for (const one of await done(chats.getAll())) if (chosen(one)) chats.delete(one.id);
  await sweep(chats, media);
});
