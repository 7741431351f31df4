export const LANGUAGES = ["en", "sv"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The first of the browser's languages that there is. */
export function languageOf(languages: readonly string[]): Language {
  for (const language of languages) {
    const base = language.split("-", 1)[0]?.toLowerCase();
    if (base === "en" || base === "sv") {
      return base;
    }
  }
  return "en";
}
