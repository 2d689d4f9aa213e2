import { allWords, choose } from "../src/i18n";

await choose("pt", false); // what the page says is there before anything is said
await allWords();
