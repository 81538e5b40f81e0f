// The language of the page: of `?lang=`, or chosen before, or the browser's.
import { $, ANY_CHANGE } from './parts.js';
import { local } from '../browser/storage.js';
import { text } from './texts.js';

const LANGUAGE = 'qwen-vl-chat-language';
const LANGUAGES = ['en', 'zh', 'ko']; // those of ui/text/languages.py, which chooses by the same rules
const TRADITIONAL = ['hant', 'tw', 'hk', 'mo']; // the page has simplified Chinese only

/** The first of the language tags that the page has texts in; otherwise English. */
export function best(tags) {
  let traditional = false;
  for (const tag of tags) {
    const [language, ...subtags] = tag.toLowerCase().split('-');
    if (language === 'zh' && !subtags.includes('hans')) {
      // Browsers add a bare `zh` after `zh-TW`, which means the same characters.
      const named = subtags.some((subtag) => TRADITIONAL.includes(subtag));
      traditional = named || (traditional && !subtags.length);
      if (traditional) continue;
    }
    if (LANGUAGES.includes(language)) return language;
  }
  return 'en';
}

export function language() {
  const chosen = new URLSearchParams(location.search).get('lang') ?? local.get(LANGUAGE);
  const found = best(chosen === null ? navigator.languages : [chosen]);
  document.documentElement.lang = found;
  return found;
}

export function chooseLanguage(chosen) {
  local.set(LANGUAGE, chosen);
  document.documentElement.lang = chosen;
}

/** Keep the page's title in its language. Call it when the page is ready. */
export function nameThePage() {
  const name = () => { document.title = text('title'); };
  new MutationObserver(name).observe($('#page-texts'), ANY_CHANGE);
  name();
}
