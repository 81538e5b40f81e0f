// The settings, which the browser keeps by name and only where they differ, so that a new default reaches everybody.
import { local } from '../browser/storage.js';

const SETTINGS = 'qwen-vl-chat-settings';

const settings = { names: [], defaults: [], kept: {} }; // in the order of the controls
const listeners = [];

/** Call `listener` when the controls start with other values and have other limits. */
export const whenOtherwise = (listener) => listeners.push(listener);

/** These values of the controls become the settings. */
export function gatherSettings(values) {
  const named = settings.names.map((name, i) => [name, values[i]]);
  settings.kept = Object.fromEntries(named.filter(([, value], i) => value !== settings.defaults[i]));
  local.set(SETTINGS, JSON.stringify(settings.kept));
  return settings.kept;
}

/** The values with which the controls of a page start. */
export function keptSettings(names, defaults) {
  Object.assign(settings, { names, defaults });
  try { settings.kept = JSON.parse(local.get(SETTINGS)) ?? {}; } catch { /* not ours: ignore it */ }
  return keptOr(defaults);
}

const keptOr = (defaults) => settings.names.map((name, i) => (name in settings.kept ? settings.kept[name] : defaults[i]));

/** The controls' values when these are taken over. */
export const settingsWith = (taken) => settings.names.map((name, i) => (name in taken ? taken[name] : keptOr(settings.defaults)[i]));

/** A checkpoint that has been loaded may start with others. What a person has chosen stays. */
export function startSettings(defaults, values) {
  if (String(defaults) === String(settings.defaults)) return values;
  settings.defaults = defaults;
  for (const listener of listeners) listener();
  return keptOr(defaults);
}
