// The limits of the chats that this browser keeps.

export const MAX_CHATS = 100;
export const MAX_BYTES = 500 * 2 ** 20;

/**
 * The ids of the chats that have to go: the oldest, until the others are few and small enough. stays: the id of one that
 * does not go. Media that several chats have count once.
 * @param {{ id: string, at: number, bytes: number, media: { hash: string, bytes: number }[] }[]} all
 */
export function surplus(all, stays, { chats = MAX_CHATS, bytes = MAX_BYTES } = {}) {
  const newest = all.toSorted((a, b) => Number(b.id === stays) - Number(a.id === stays) || b.at - a.at);
  const counted = new Set();
  let used = 0;
  const first = newest.findIndex(({ bytes: own, media }, i) => {
    used += own;
    for (const { hash, bytes: size } of media) {
      if (!counted.has(hash)) used += size;
      counted.add(hash);
    }
    return i >= chats || used > bytes;
  });
  return first < 0 ? [] : newest.slice(first).map(({ id }) => id);
}

/** Those of `hashes` that no chat has. */
export function unneeded(hashes, all) {
  const needed = new Set(all.flatMap(({ media }) => media.map(({ hash }) => hash)));
  return hashes.filter((hash) => !needed.has(hash));
}

/** How many bytes there may be, where the browser gives the page so many in all. */
export const allowed = (quota) => Math.min(MAX_BYTES, quota ? quota / 2 : MAX_BYTES);

/**
 * Which record a conversation is kept in: `[id, whether it has to be written]`, or null if that was deleted and the
 * conversation has not gone on since. seen: `{ stamp, state }` of the record `record.id` that this tab has written or opened.
 * If another tab has written it since, or it is of another log-in, the conversation gets a record of its own, and nothing of
 * either is lost.
 */
export function place(record, seen, all, fresh) {
  const before = all.find(({ id }) => id === record.id);
  if (before?.owner === record.owner) {
    if (before.state === record.state) return [before.id, false];
    return [before.stamp === seen?.stamp ? before.id : fresh, true];
  }
  const twin = all.find(({ owner, state }) => owner === record.owner && state === record.state);
  if (twin) return [twin.id, false];
  if (before) return [fresh, true];
  return seen?.state === record.state ? null : [record.id, true];
}
