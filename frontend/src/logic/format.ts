export type Language = "pt" | "en";

export const LOCALE: Record<Language, string> = { pt: "pt-BR", en: "en-US" };

const LEAST_SHOWN = 0.0001;

const parts = (amount: number) => (Math.abs(amount) < 1 ? 10_000 : 100); // of a dollar, that are shown of such a sum

/** As it is shown: by one rule, whether it stands by itself or is what others add up to. */
const whole = (amount: number, of: number) => Math.round(amount * of);

function dollars(amount: number, language: Language, most = 2): string {
  return new Intl.NumberFormat(LOCALE[language], { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: most }).format(amount);
}

/** US dollars: `$0.31`, `$12.40`. Below a dollar up to four digits, where they say something: a session often costs less
 * than a cent, and never looks free. */
export function usd(amount: number, language: Language): string {
  if (amount > 0 && amount < LEAST_SHOWN) return `< ${usd(LEAST_SHOWN, language)}`;
  const of = parts(amount);
  return dollars(whole(amount, of) / of, language, Math.log10(of));
}

/** Of sums that stand above it: what they add up to as they are shown, with as many digits as they have. */
export function usdOfAll(all: readonly number[], language: Language): string {
  const sum = all.reduce((sum, one) => sum + (one < LEAST_SHOWN ? 0 : whole(one, parts(one)) / parts(one)), 0);
  return sum > 0 ? dollars(Math.round(sum * 10_000) / 10_000, language, 4) : usd(all.reduce((a, b) => a + b, 0), language);
}

/** Of an answer, which costs less than what `usd` shows: two digits of it. */
export function smallUsd(amount: number, language: Language): string {
  const leading = amount > 0 ? Math.floor(Math.log10(amount)) : 0;
  return dollars(amount, language, Math.min(20, Math.max(2, 1 - leading)));
}

/**
 * Parts of a sum, rounded to what is shown so that they add up to the rounded sum: the largest remainders get what is
 * left. Parts that do not make up the sum are only rounded; those of a sum that is less than what is shown stay as they are.
 */
export function addingUp(all: readonly number[], sum: number): number[] {
  if (sum > 0 && sum < LEAST_SHOWN) return [...all];
  const of = parts(sum);
  const exact = all.map((part) => part * of);
  const given = exact.map((part) => Math.floor(part + 1e-6));
  const left = whole(sum, of) - given.reduce((total, one) => total + one, 0);
  if (left < 0 || left > all.length) return exact.map((part) => Math.round(part) / of);
  const order = exact.map((part, i) => [part - given[i]!, i] as const).sort(([a], [b]) => b - a);
  for (const [, i] of order.slice(0, left)) given[i]! += 1;
  return given.map((part) => part / of);
}

/** A price or a guess: two digits are enough, and more would promise more. */
export function about(amount: number, language: Language): string {
  return new Intl.NumberFormat(LOCALE[language], { style: "currency", currency: "USD" }).format(amount);
}

/** `45 s`, `3 min 05 s`, `1 h 02 min`: the same in both languages. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** A length that is not counted second by second: `5 min`, not `5 min 00 s`. */
export function span(seconds: number): string {
  return duration(seconds).replace(/ 00 (s|min)$/, "");
}

export function number(value: number, language: Language, digits = 0): string {
  return new Intl.NumberFormat(LOCALE[language], { maximumFractionDigits: digits }).format(value);
}

/** A file's size in decimal units, as file managers and S3's bill count. */
export function bytes(count: number, language: Language): string {
  if (count < 1000) return `${number(count, language)} B`;
  if (count < 1e6) return `${number(count / 1000, language)} kB`;
  return `${number(count / 1e6, language, 1)} MB`;
}

export function percent(share: number, language: Language): string {
  // A last line that is missing is not 100 %.
  const shown = share < 1 ? Math.floor(share * 100) / 100 : 1;
  return new Intl.NumberFormat(LOCALE[language], { style: "percent", maximumFractionDigits: 0 }).format(shown);
}

export function clock(at: number, language: Language): string {
  return new Intl.DateTimeFormat(LOCALE[language], { timeStyle: "medium" }).format(at);
}

/** For a narrow list: the time of what was today, the date of what was not. */
export function when(at: number, now: number, language: Language): string {
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  const year = new Date(at).getFullYear() === new Date(now).getFullYear();
  const format: Intl.DateTimeFormatOptions = today
    ? { timeStyle: "short" }
    : year
      ? { day: "numeric", month: "short" }
      : { dateStyle: "short" };
  return new Intl.DateTimeFormat(LOCALE[language], format).format(at);
}

/** What is left, as exactly as a guess can be: seconds only near the end. */
export function left(seconds: number): string {
  return span(seconds > 90 ? Math.ceil(seconds / 60) * 60 : seconds);
}

export function day(at: number, language: Language): string {
  return new Intl.DateTimeFormat(LOCALE[language], { dateStyle: "short", timeStyle: "short" }).format(at);
}
