// The `gr.HTML` elements through which scripts send events to the server. Gradio gives each a `trigger` function.
// ui/page/layout.py passes element and function to `mount`.

const mounted = new Map(); // by name: { element, trigger }
const starts = new Map(); // by name: functions that wait for the element
const unsent = new Map(); // by name: events that wait for the element

const listed = (all, name) => all.get(name) ?? all.set(name, []).get(name);

/** The element of this name has been drawn. trigger: sends its events. */
export function mount(name, element, trigger) {
  mounted.set(name, { element, trigger });
  for (const start of listed(starts, name)) start(element);
  for (const event of listed(unsent, name).splice(0)) trigger(...event);
}

/** Call `start` with the element as soon as it is there. */
export function whenMounted(name, start) {
  listed(starts, name).push(start);
  if (mounted.has(name)) start(mounted.get(name).element);
}

/** Send an event of the element to the server, as soon as the element is there. */
export function send(name, ...event) {
  if (mounted.has(name)) mounted.get(name).trigger(...event);
  else listed(unsent, name).push(event);
}
