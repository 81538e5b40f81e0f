// Writing to the clipboard, and reading the files of a paste.

/** Copies a text. Returns whether it worked. */
export async function copy(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    return copyOld(content);
  }
}

// `navigator.clipboard` is missing on pages that come over plain HTTP from another machine. Browsers also refuse it when
// the page has waited since the click.
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
 * Returns the files that a paste should attach. data: the event's `clipboardData`.
 *
 * A word processor adds a picture of the copied text to the text: the text is meant. "Copy image" adds HTML with nothing
 * but an `<img>` to the picture: the picture is meant.
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
