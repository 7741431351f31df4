/** The one form for one, the other for any other count. */
export const many = (n: number, one: string, more: string): string => (n === 1 ? one : more);
