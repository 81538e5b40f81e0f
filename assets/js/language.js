// The language of the page: asked for in its address, chosen before, or the browser's.
import { ANY_CHANGE, one } from './parts.js';
import { local } from './storage.js';
import { text } from './texts.js';

const LANGUAGE = 'qwen-vl-chat-language';

export function language() {
  const asked = new URLSearchParams(location.search).get('lang');
  const wanted = asked ?? local.get(LANGUAGE) ?? navigator.language;
  const found = /^(zh|ko)/i.exec(wanted)?.[1].toLowerCase() ?? 'en';
  document.documentElement.lang = found;
  return found;
}

export function chooseLanguage(chosen) {
  local.set(LANGUAGE, chosen);
  document.documentElement.lang = chosen;
}

/** The title of the page is in its language; call it when the page is ready. */
export function nameThePage() {
  const name = () => { document.title = text('title'); };
  new MutationObserver(name).observe(one('#page-texts'), ANY_CHANGE);
  name(); // the language may have been chosen before
}
