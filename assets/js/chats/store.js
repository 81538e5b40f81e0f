// The chats in this browser's database: a record for each, and pictures and clips by their content hash.
import { allowed, MAX_CHATS, place, surplus, unneeded } from './bounds.js';

const DATABASE = 'qwen-vl-chat-chats';
const CHATS = 'chats';
const MEDIA = 'media';
const ENOUGH = 2; // times the bytes that are to be written

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
  return gone;
}

const newest = (all, owner) => all.filter((one) => one.owner === owner).sort((a, b) => b.at - a.at);

/** The chats of this log-in, the newest first. */
export const list = async (owner) => newest(await use('readonly', (chats) => done(chats.getAll())), owner);

/** The chat with this id, or undefined. */
export const chat = (id) => use('readonly', (chats) => done(chats.get(id)));

/** How much there may be, in chats and bytes. */
export async function limits() {
  const estimate = await navigator.storage?.estimate?.().catch(() => null);
  return { chats: MAX_CHATS, bytes: allowed(estimate?.quota) };
}

const write = (record, seen, most, wanted) => use('readwrite', async (chats, media) => {
  const all = await done(chats.getAll());
  const where = place(record, seen, all, crypto.getRandomValues(new Uint32Array(4)).join('-'));
  if (!where || !wanted()) return null;
  const [id, changed] = where;
  const before = all.find((one) => one.id === id);
  const named = all.find((one) => one.id === record.id && one.owner === record.owner)?.name;
  // The server may have moved the media, even if the conversation has not changed.
  const now = { name: named, ...(changed ? record : before), id, media: record.media };
  const others = all.filter((one) => one.id !== id);
  const gone = surplus([...others, now], id, most);
  if (gone.includes(id)) throw new StoreError('too-large');
  await done(chats.put(now));
  for (const one of gone) chats.delete(one);
  await sweep(chats, media);
  return now;
});

// Gives how many bytes that has freed, 0 if there is no other chat.
async function dropOldest(but) {
  return await use('readwrite', async (chats, media) => {
    const [oldest] = (await done(chats.getAll())).filter(({ id }) => id !== but).sort((a, b) => a.at - b.at);
    if (!oldest) return 0;
    await done(chats.delete(oldest.id));
    const gone = await sweep(chats, media);
    const alone = oldest.media.filter(({ hash }) => gone.includes(hash));
    return alone.reduce((sum, { bytes }) => sum + bytes, oldest.bytes);
  });
}

let helps = true; // whether the browser has had room when chats were deleted for it

// Deletes the oldest chats until there is room for so many bytes. A full disk has none however many go: then the others stay.
async function roomily(id, bytes, work) {
  for (let freed = 0; ;) {
    try {
      const result = await work();
      helps = true;
      return result;
    } catch (/** @type {any} */ error) {
      if (error instanceof StoreError) throw error;
      const full = error?.name === 'QuotaExceededError';
      const more = full && helps && freed <= ENOUGH * bytes ? await dropOldest(id).catch(() => 0) : 0;
      if (full && !more) helps = false;
      if (!more) throw new StoreError('refused');
      freed += more;
    }
  }
}

/**
 * Keep a chat; gives its record as it is kept, which may have another id, see `place`. Its media are put afterwards. Throws
 * `StoreError`.
 *
 * wanted: asked at the last moment whether it is still to be kept: another tab may just have forgotten all chats. Gives null
 * if not, or if it was deleted.
 */
export const keep = async (record, seen, wanted = () => true) => {
  const most = await limits();
  return await roomily(record.id, record.bytes, () => write(record, seen, most, wanted));
};

/** Give a chat a name of its own; without one it is called by its first words. */
export const rename = (id, name) => use('readwrite', async (chats) => {
  const record = await done(chats.get(id));
  if (record) await done(chats.put({ ...record, name })); // it may have been deleted meanwhile
});

/** Keep a file of the chat `id`. Throws `StoreError`. */
export const putMedia = (id, hash, blob) => roomily(id, blob.size, () => use('readwrite', async (chats, media) => {
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
