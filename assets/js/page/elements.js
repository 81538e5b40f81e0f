// Elements of the page through which scripts ask the server. Gradio lends each `gr.HTML` a function that sends its
// events; ui/page/layout.py hands the two over by a name.

const lent = new Map(); // by name: { element, trigger }
const starts = new Map(); // by name: what is to be done with the element
const unsent = new Map(); // by name: events of before

const listed = (all, name) => all.get(name) ?? all.set(name, []).get(name);

/** The element of this name is there, and sends events by `trigger`. */
export function mount(name, element, trigger) {
  lent.set(name, { element, trigger });
  for (const start of listed(starts, name)) start(element);
  for (const event of listed(unsent, name).splice(0)) trigger(...event);
}

/** Call `start` with the element as soon as it is there. */
export function whenMounted(name, start) {
  listed(starts, name).push(start);
  if (lent.has(name)) start(lent.get(name).element);
}

/** Send an event of the element to the server, as soon as it is there. */
export function send(name, ...event) {
  if (lent.has(name)) lent.get(name).trigger(...event);
  else listed(unsent, name).push(event);
}
