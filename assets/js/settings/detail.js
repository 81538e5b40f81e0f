// The level of detail, which stands for the largest size of a picture in visual tokens.

const MOST = 16_384; // of any checkpoint

/** The largest size at this level. levels: tokens by name, null for as many as possible; bound: of the checkpoint. */
export const tokensOf = (level, levels, bound = MOST) => Math.min(levels[level] ?? bound, bound);

/** The level of this size; null if it is none. Of several that are the same, the one that a page starts with. */
export function levelOf(most, levels, bound) {
  const names = ['high', ...Object.keys(levels)];
  return names.find((name) => tokensOf(name, levels, bound) === most) ?? null;
}
