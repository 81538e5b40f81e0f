// What the page does in the browser itself. Everything hangs on `window.qwenVlChat`, which
// ui/page/wiring.py calls by name; the rest are listeners on the document, so elements may come and go.
(() => {
  const { clipboard, keyboard, log, neighbours, notices, storage: { local, session } } = qwenVlModules;
  const one = (selector) => document.querySelector(selector);
  const text = (name) => one('#page-texts [data-copied]')?.dataset[name] ?? '';
  const textarea = () => one('#composer textarea');
  const SETTINGS = 'qwen-vl-chat-settings';
  const DRAFT = 'qwen-vl-chat-draft';
  const KEY = 'qwen-vl-chat-key';
  const TAKEN = 'qwen-vl-chat-key-of-another'; // a key that another tab has, which said so late
  const LANGUAGE = 'qwen-vl-chat-language';
  const SIDEBAR = 'qwen-vl-chat-sidebar'; // 'open' or 'closed', as the person left it
  const NEAR_BOTTOM_PX = 80;
  const GONE_MS = 3000; // for the server's answer to a press
  const OPEN_MS = 15_000; // for the server's answer to a page that opens
  const WIDE_PX = 1200; // room for the settings beside the conversation

  // The unguessable name of this tab's conversation: lives as long as the tab, survives a reload.
  function key() {
    if (!/^[0-9a-f]{32}$/.test(session.get(KEY) ?? '')) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      session.set(KEY, hex);
    }
    return session.get(KEY);
  }

  // A duplicate of another tab goes on with a copy of its conversation. Gives the other's key, or nothing.
  async function own() {
    const before = session.get(KEY);
    const copied = before && (session.get(TAKEN) === before || await neighbours.have(before));
    if (copied) session.set(KEY, '');
    neighbours.take(key(), () => { session.set(TAKEN, key()); location.reload(); });
    return copied ? before : '';
  }

  const owned = own();

  // Until the server knows this page, it answers nothing else.
  let isKnown;
  const known = new Promise((resolve) => { isKnown = resolve; });

  // New chat: the draft goes with the conversation, its text and its files.
  function startOver(key) {
    write('');
    window.qwenVlChat.abandonUploads();
    return key;
  }

  function language() {
    const asked = new URLSearchParams(location.search).get('lang');
    const wanted = asked ?? local.get(LANGUAGE) ?? navigator.language;
    const found = /^(zh|ko)/i.exec(wanted)?.[1].toLowerCase() ?? 'en';
    document.documentElement.lang = found;
    return found;
  }

  function chooseLanguage(chosen) {
    local.set(LANGUAGE, chosen);
    document.documentElement.lang = chosen;
  }

  function write(text) {
    const field = textarea();
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  // What the server needs to know of a page that has just been loaded.
  async function open() {
    const toggle = one('#settings .toggle-button');
    const closed = innerWidth < WIDE_PX || local.get(SIDEBAR) === 'closed';
    if (toggle && !closed && !one('#settings.open')) toggle.click();
    // Also because Gradio measured its height before the style sheet was there.
    write(textarea().value || (session.get(DRAFT) ?? ''));
    setTimeout(tellOfSilence, OPEN_MS);
    const original = await owned;
    return [key(), language(), original];
  }

  // The banner comes with the server's answer.
  function tellOfSilence() {
    if (one('#model-banner strong')) return notices.withdraw('notOpened');
    notices.tell('notOpened');
    return setTimeout(tellOfSilence, 1000);
  }

  // The server took `sent`: remove it, but keep what was typed since.
  function sent(text) {
    const field = textarea();
    if (text && field.value.startsWith(text)) write(field.value.slice(text.length).replace(/^\n/, ''));
    if (text) follow.pinned = true;
  }

  // The server gives `text` back: put it in front of what was typed meanwhile.
  function giveBack(text) {
    if (!text) return;
    const draft = textarea().value;
    write(draft ? `${text}\n${draft}` : text);
    textarea().focus();
  }

  // The server is asked what the message costs only where something is attached, and once more when nothing is any
  // longer. What is attached is read ahead only if `read`.
  let priced = false;
  function price(tray, read) {
    const attached = tray?.includes('<li ') ?? false;
    if (attached || priced)
      whenReady(() => window.qwenVlChat[attached && read ? 'askPriceAndRead' : 'askPrice']());
    priced = attached;
  }

  // An edit puts another message into the composer.
  function replace(text) {
    write(text);
    textarea().focus();
  }

  // The conversation with what is new of it, and the answer below until it has its place there.
  function draw(sent, messages, live) {
    if (!sent) return [messages, live];
    const rest = JSON.parse(sent);
    const all = log.completed(rest, messages ?? []);
    if (!all) one('#resume').click(); // for all of it
    document.dispatchEvent(new Event('drawn'));
    return [all ?? messages, rest.answering ? live : ''];
  }

  async function copy(button, index) {
    await copyText(button, log.texts().at(index) ?? '');
  }

  async function copyText(button, content) {
    const done = await clipboard.copy(content);
    // The text alone is changed, since Gradio goes on changing it where it has put it.
    const texts = document.createTreeWalker(button, NodeFilter.SHOW_TEXT);
    while (texts.nextNode() && !texts.currentNode.data.trim());
    const label = texts.currentNode;
    const said = text(done ? 'copied' : 'notCopied');
    if ([text('copied'), text('notCopied')].includes(label.data)) return;
    const before = label.data;
    label.data = said;
    setTimeout(() => { if (label.data === said) label.data = before; }, 1500);
  }

  function download(url) {
    if (!url) return;
    const link = document.createElement('a');
    link.href = url;
    link.download = decodeURIComponent(url.split('/').pop());
    link.click();
  }

  const settings = { names: [], defaults: [], kept: {} }; // in the order of the controls

  // Settings are kept by name and only where they differ, so that a new default reaches everybody.
  function gatherSettings(values) {
    const named = settings.names.map((name, i) => [name, values[i]]);
    settings.kept = Object.fromEntries(named.filter(([, value], i) => value !== settings.defaults[i]));
    local.set(SETTINGS, JSON.stringify(settings.kept));
    return settings.kept;
  }

  function keptSettings(names, defaults) {
    Object.assign(settings, { names, defaults });
    try { settings.kept = JSON.parse(local.get(SETTINGS)) ?? {}; } catch { /* not ours: ignore it */ }
    return keptOr(defaults);
  }

  const keptOr = (defaults) => settings.names.map((name, i) => (name in settings.kept ? settings.kept[name] : defaults[i]));

  // The controls' values when these are taken over.
  const settingsWith = (taken) => settings.names.map((name, i) => (name in taken ? taken[name] : keptOr(settings.defaults)[i]));

  // A checkpoint that has been loaded may start with others. What a person has chosen stays.
  function startSettings(defaults, values) {
    if (String(defaults) === String(settings.defaults)) return values;
    settings.defaults = defaults;
    window.qwenVlChat.startsOtherwise?.();
    return keptOr(defaults);
  }

  // The conversation scrolls with the reader: only who is at the bottom stays at the bottom.
  const follow = { pinned: true };
  function watchScrolling() {
    const talk = one('#talk');
    // What changed since the last event may have moved it: an answer that was drawn anew, a page of another size.
    let before = { top: 0, height: 0, room: 0 };
    let changed = false;
    talk.addEventListener('scroll', () => {
      const now = { top: talk.scrollTop, height: talk.scrollHeight, room: talk.clientHeight };
      changed ||= now.height !== before.height || now.room !== before.room;
      if (now.height - now.top - now.room < NEAR_BOTTOM_PX) follow.pinned = true;
      else if (now.top < before.top && !changed) follow.pinned = false;
      before = now;
      changed = false;
    }, { passive: true });
    // Who unfolds something wants to see it, not what comes below.
    talk.addEventListener('click', (event) => { if (event.target.closest('summary')) follow.pinned = false; }, true);
    // Before the scrolling itself is told of, the answer may grow.
    talk.addEventListener('wheel', (event) => { if (event.deltaY < 0) follow.pinned = false; }, { passive: true });
    // Once per frame: to ask for the height is to lay the page out.
    let due = 0;
    const scroll = () => { due = 0; if (follow.pinned) talk.scrollTop = talk.scrollHeight; };
    const toBottom = () => { changed = true; due ||= requestAnimationFrame(scroll); };
    new MutationObserver(toBottom).observe(talk, { childList: true, subtree: true, characterData: true });
    talk.addEventListener('load', toBottom, true);
    // Also what grows where it stands: fonts and formulas whose style sheet comes late.
    const sizes = new ResizeObserver(toBottom);
    const watch = () => { for (const part of [talk, ...talk.children]) sizes.observe(part); };
    new MutationObserver(watch).observe(talk, { childList: true });
    watch();
  }

  document.addEventListener('keydown', (event) => {
    if (!keyboard.leaves(event) || one('dialog[open]')) return;
    const way = one('#composer [data-testid=stop-button]') ?? one('#cancel-edit');
    if (way) { event.preventDefault(); way.click(); textarea().focus(); }
  });

  document.addEventListener('input', (event) => {
    if (event.target === textarea()) session.set(DRAFT, event.target.value);
  });

  document.addEventListener('click', (event) => {
    if (event.isTrusted && event.target.closest('#settings .toggle-button'))
      local.set(SIDEBAR, one('#settings.open') ? 'closed' : 'open'); // it is about to change
    // A click on Stop or Send leaves the focus nowhere, because that button goes away.
    if (event.target.closest('#composer [data-testid=stop-button], #composer [data-testid=submit-button]'))
      setTimeout(() => textarea().focus(), 150);
    // So do others, but not with a mouse or a finger: on a phone the focus would bring up its keyboard.
    else if (event.isTrusted && event.detail === 0) keepFocus(Date.now() + GONE_MS);
  }, true);

  // What was pressed by keyboard may go away when the server has answered: then typing goes on in the composer.
  function keepFocus(until) {
    const lost = document.activeElement === document.body && !one('dialog[open]');
    if (lost) textarea().focus();
    else if (Date.now() < until) setTimeout(keepFocus, 100, until);
  }

  // Gradio changes attributes in place as well.
  const anything = { attributes: true, childList: true, characterData: true, subtree: true };

  // Gradio builds the page after the scripts have run, and each part when the code for it has arrived, in any order.
  const PARTS = [
    '#settings', '#page', '#model-banner', '#views', '#talk', '#chatbot', '#live', '#compared', '#tray',
    '#composer textarea', '#cost-card', '#run-state', '#ready', '#resume', '#places', '#pricing', '#page-texts',
  ];
  function whenReady(start) {
    PARTS.every(one) ? start() : setTimeout(whenReady, 100, start);
  }

  whenReady(watchScrolling);
  whenReady(() => {
    const name = () => { document.title = text('title'); };
    new MutationObserver(name).observe(one('#page-texts'), anything);
    name(); // the language may have been chosen before
  });
  // Gradio draws Send and Stop without a name, and each anew.
  whenReady(() => {
    const name = () => {
      for (const [button, said] of [['submit-button', 'send'], ['stop-button', 'stop']])
        one(`#composer [data-testid=${button}]`)?.setAttribute('aria-label', text(said));
    };
    new MutationObserver(name).observe(one('#page-texts'), anything);
    new MutationObserver(name).observe(one('#composer'), { childList: true, subtree: true });
    name();
  });
  window.qwenVlChat = {
    one, text, anything, whenReady, owned, known, isKnown, key, open, language, chooseLanguage, sent, giveBack, price, replace, startOver, draw, copy,
    copyText, download,
    copyLatest: () => copy(one('#copy'), -1), gatherSettings, keptSettings, settingsWith, startSettings,
  };
})();
