import { languageOf, type Language } from "../text/language";
import { Store } from "./store";

export type Theme = "system" | "light" | "dark";

export interface Preferences {
  theme: Theme;
  language: Language;
}

/** Theme and language only. The token is never stored. */
const NAME = "sluss.preferences";

function first(): Preferences {
  const preferred: Preferences = { theme: "system", language: languageOf(navigator.languages) };
  try {
    const kept = JSON.parse(window.localStorage.getItem(NAME) ?? "{}") as Partial<Preferences>;
    if (kept.theme === "light" || kept.theme === "dark") {
      preferred.theme = kept.theme;
    }
    if (kept.language === "en" || kept.language === "sv") {
      preferred.language = kept.language;
    }
  } catch {
    // Storage may be switched off, or hold something else.
  }
  return preferred;
}

export const preferences = new Store<Preferences>(first());

export function prefer(change: Partial<Preferences>): void {
  const next = { ...preferences.get(), ...change };
  preferences.setNow(next);
  try {
    window.localStorage.setItem(NAME, JSON.stringify(next));
  } catch {
    // It holds until the page is left.
  }
}
