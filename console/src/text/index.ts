import { createContext, useContext } from "react";

import { en } from "./en";
import { formats, type Formats } from "./format";
import type { Language } from "./language";
import { sv } from "./sv";

/** Every text of the console. A language that misses one does not compile. */
export type Catalogue = typeof en;

export interface Text {
  language: Language;
  t: Catalogue;
  f: Formats;
}

const CATALOGUES: Record<Language, Catalogue> = { en, sv };

export function textOf(language: Language, preferred: readonly string[]): Text {
  const regional = preferred.find((each) => each.toLowerCase().split("-", 1)[0] === language);
  return { language, t: CATALOGUES[language], f: formats(regional ?? language) };
}

export const TextContext = createContext<Text>(textOf("en", []));

export const useText = (): Text => useContext(TextContext);
