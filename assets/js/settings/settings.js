// The settings of the page. The browser keeps those that differ from the defaults, so that new defaults reach everybody.
import { local } from '../browser/storage.js';

const SETTINGS = 'qwen-vl-chat-settings';

const settings = { names: [], defaults: [], kept: {} }; // in the order of the controls
const listeners = [];

/** Call `listener` when the checkpoint has brought other defaults and bounds. */
export const whenDefaultsChange = (listener) => listeners.push(listener);

/** Take over the values of the controls. Returns the settings that differ from the defaults. */
export function gatherSettings(values) {
  const named = settings.names.map((name, i) => [name, values[i]]);
  const isDefault = (value, i) => value === settings.defaults[i] || (value === '' && settings.defaults[i] === null);
  settings.kept = Object.fromEntries(named.filter(([, value], i) => !isDefault(value, i)));
  local.set(SETTINGS, JSON.stringify(settings.kept));
  return settings.kept;
}

/** The first values of the controls: what the browser has kept, otherwise the defaults. */
export function keptSettings(names, defaults) {
  Object.assign(settings, { names, defaults });
  try { settings.kept = JSON.parse(local.get(SETTINGS)) ?? {}; } catch { /* not ours: ignore it */ }
  return keptOr(defaults);
}

const keptOr = (defaults) => settings.names.map((name, i) => (name in settings.kept ? settings.kept[name] : defaults[i]));

/** The values of the controls with these settings taken over. */
export const settingsWith = (taken) => settings.names.map((name, i) => (name in taken ? taken[name] : keptOr(settings.defaults)[i]));

/** The values of the controls under a checkpoint's defaults. What a person has chosen stays. */
export function startSettings(defaults, values) {
  if (String(defaults) === String(settings.defaults)) return values;
  settings.defaults = defaults;
  for (const listener of listeners) listener();
  return keptOr(defaults);
}
