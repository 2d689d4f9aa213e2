/** Marks of Markdown that opened something and have not been closed, and what else nobody says. Pure. */
const MARKS = /(?<![^\s(["'“‘])(?:[*_~`]+|#{1,6}\s|>\s)(?=\S)|(?<=\S)[*_~`]+(?![^\s.,;:!?)\]"'”’])/gu;

export const withoutMarks = (text: string): string => text.replace(MARKS, "");
