// What is copied and what is pasted.

/** Copy a text; gives whether it worked. */
export async function copy(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    return copyOld(content);
  }
}

// Browsers have no clipboard for pages that come over plain http from another machine, and refuse it to a
// page that has waited before it asks.
function copyOld(content) {
  const area = Object.assign(document.createElement('textarea'), { value: content });
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return copied;
}

/**
 * The files that a paste is about. data: the event's `clipboardData`.
 *
 * A word processor offers a picture of copied text beside the text, and the text is wanted. "Copy image" offers
 * the picture beside HTML that holds nothing but an `<img>`, and the picture is wanted.
 */
export function pasted(data) {
  const files = [...(data?.files ?? [])];
  if (!files.length || !data.types.includes('text/html')) return files;
  return isPictureAlone(data.getData('text/html')) ? files : [];
}

function isPictureAlone(html) {
  const { body } = new DOMParser().parseFromString(html, 'text/html');
  for (const unseen of body.querySelectorAll('style, script, title')) unseen.remove();
  return Boolean(body.querySelector('img, picture, svg')) && !body.textContent.trim();
}
