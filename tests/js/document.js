// The part of the browser's document that the page's scripts draw cards and progress with.

class Drawn extends EventTarget {
  isConnected = false;
  children = [];
  dataset = {};
  id = '';
  style = { setProperty: () => {} };
  before(_other) { /* each its own, see createElement */ }
  remove() { /* the same */ }
  setAttribute(name, value) { this[name] = value; }
  toggleAttribute(name, on) { this[name] = on; }
  append(...parts) { for (const part of parts) { this.children.push(part); part.parentElement = this; } }
  replaceChildren(...parts) { this.children = parts; }
  querySelector() { return this.children[0]; }
  click() { this.dispatchEvent(new Event('click')); }
}

/** A document that has these elements, by their selectors; another is found by its id once it stands before one of them. */
export class PageDocument extends EventTarget {
  constructor(...selectors) {
    super();
    this.found = new Map(selectors.map((selector) => [selector, this.createElement()]));
  }

  querySelector(selector) { return this.found.get(selector) ?? null; }

  createElement() {
    const made = new Drawn();
    made.before = (other) => { other.isConnected = true; this.found.set(`#${other.id}`, other); };
    made.remove = () => { made.isConnected = false; this.found.delete(`#${made.id}`); };
    return made;
  }
}
