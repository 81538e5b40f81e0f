// Keeps files that did not reach the server over a reload: Gradio reloads the page when a lost network is back. Without a
// database in the browser, nothing is kept.

const DATABASE = 'qwen-vl-chat';
const FILES = 'unsent';
const KEPT_MS = 3_600_000; // as long as the server keeps a chat that nobody sees

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function files(mode, use) {
  try {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(FILES, { keyPath: 'id' });
    const database = await done(opening);
    try {
      return await use(database.transaction(FILES, mode).objectStore(FILES));
    } finally {
      database.close();
    }
  } catch {
    return null; // none, or no room
  }
}

/**
 * Keep a file for the tab with this key. id: of the entry; error: the `UploadError`, of which `reason` and `status` are kept.
 * @type {(id: string, tab: string, file: File, error: { reason: string, status?: number }) => Promise<unknown>}
 */
export const keep = (id, tab, file, { reason, status }) =>
  files('readwrite', (all) => done(all.put({ id, tab, file, error: { reason, status }, at: Date.now() })));

export const forget = (id) => files('readwrite', (all) => done(all.delete(id)));

/** What is kept for the tab, as `{ id, file, error }`, oldest first; old files of any tab are forgotten. */
export async function kept(tab) {
  const all = await files('readonly', (all) => done(all.getAll())) ?? [];
  const old = all.filter(({ at }) => Date.now() - at > KEPT_MS);
  await Promise.all(old.map(({ id }) => forget(id)));
  return all.filter((one) => one.tab === tab && !old.includes(one)).sort((a, b) => a.at - b.at);
}
