// The way of files into the tray. There is one for all of them, and it never changes the composer's text.

const EXPORTED = /\.zip$/i; // an exported conversation, which is no attachment

export class Intake {
  #uploads = new Map(); // by file that is being uploaded: [bytes sent, total]
  #waiting = 0; // batches that are not in the tray yet
  #changing = 0; // changes of the tray that a message waits for
  #known = false; // whether the server knows this page
  #sendLater = false;
  #stop = new AbortController(); // of all uploads

  #work;

  /**
   * store: sends a file to the server and gives its path there, see `upload`; cards: of files that fail, see
   * `failed_uploads`; deliver: puts stored files into the tray and gives why not, or ''; restore: goes on
   * with an exported conversation; send: sends the message; show: draws how far it is, null when nothing is under way:
   * `percent` of all bytes, `files` with the share of each that has been sent, and whether the message is `held` back.
   */
  constructor({ store, cards, deliver, restore, send, show }) {
    this.#work = { store, cards, deliver, restore, send, show };
  }

  /** The server knows the page. */
  open() {
    this.#known = true;
    this.#sendHeld();
  }

  /** Cancel all uploads. */
  abandon() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#sendLater = false;
  }

  /** Hold back a Send until all files are in the tray and the server knows the page. */
  holdBack(event) {
    if (!this.#waiting && !this.#changing && this.#known) return;
    event.preventDefault();
    event.stopPropagation();
    this.#sendLater = true;
    this.#show();
  }

  async add(files) {
    const chosen = [...files];
    if (!chosen.length) return;
    const { signal } = this.#stop;
    const cancelled = new Promise((resolve) => { signal.addEventListener('abort', resolve); });
    this.#waiting += 1;
    chosen.forEach(this.#work.cards.leaves);
    this.#show();
    try {
      await Promise.race([this.#sendAll(chosen, signal), cancelled]);
    } catch (error) {
      this.#sendLater = false; // nobody knows what has arrived
      throw error;
    } finally {
      this.#waiting -= 1;
      chosen.forEach(this.#work.cards.arrived);
      if (!this.#waiting) this.#uploads.clear();
      this.#show();
    }
    this.#sendHeld();
  }

  /** Hold back a Send until this has ended, too. */
  async during(change) {
    this.#changing += 1;
    try {
      await change;
    } finally {
      this.#changing -= 1;
    }
    this.#sendHeld();
  }

  async #sendAll(chosen, signal) {
    const stored = await Promise.all(chosen.map((file) => this.#post(file, signal)));
    if (signal.aborted) return;
    const exported = (file) => EXPORTED.test(file.name);
    const media = stored.filter((file) => file && !exported(file));
    stored.filter((file) => file && exported(file)).slice(-1).forEach((file) => { this.#work.restore(file); });
    const reason = media.length ? await this.#work.deliver(media) : '';
    if (!reason || signal.aborted) return;
    chosen.forEach((file, i) => { if (media.includes(stored[i])) this.#fail(file, { reason }); });
  }

  // Resolves to the file as the server knows it, or to null if it failed and has a card.
  async #post(file, signal) {
    this.#uploads.set(file, [0, file.size]);
    const progress = (...far) => { this.#uploads.set(file, far); this.#show(); };
    try {
      return { path: await this.#work.store(file, { progress, signal }), name: file.name };
    } catch (error) {
      this.#fail(file, error);
      return null;
    }
  }

  #fail(file, error) {
    if (error.reason === 'cancelled') return;
    this.#sendLater = false; // not without this file
    this.#work.cards.failed(file, error);
  }

  #sendHeld() {
    if (!this.#sendLater || this.#waiting || this.#changing || !this.#known) return;
    this.#sendLater = false;
    this.#work.send();
  }

  #show() {
    const [sent, all] = [...this.#uploads.values()].reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    const files = [...this.#uploads].map(([file, [done, size]]) => ({ file, share: size ? done / size : 1 }));
    this.#work.show(this.#waiting ? { percent: Math.floor(all && 100 * sent / all), files, held: this.#sendLater } : null);
  }
}
