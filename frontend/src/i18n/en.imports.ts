import type { ptImports } from "./pt.imports";

export const enImports: Record<keyof typeof ptImports, string> = {
  "import.head": "Import and export conversations",
  "import.title": "Import",
  "import.what":
    "Bring your conversations from ChatGPT (the conversations.json of its data export) or a JSON exported here. They come in as history that you can read, search and continue. Importing costs nothing, and the same file twice doubles nothing. All that one person imports may have 200 MB of text.",
  "import.file": "JSON file, up to 100 MB",
  "import.reading": "Reading the file…",
  "import.preview": "{n} conversations can be imported, with {m} questions.",
  "import.send": "Import",
  "import.on": "Go on where it stopped",
  "import.sending": "Importing: {done} of {n}…",
  "import.stopped": "The import stopped at {done} of {n}. Nothing is lost: go on when you like.",
  "import.full":
    "Your imports take all of the 200 MB that one person may have. Imported: {done} of {n}, and they stay, as does all from before. Delete conversations that you imported, then go on.",
  "import.done": "Done: {n} conversations checked, {fresh} with something new.",
  "import.refused": "{n} cannot be imported:",
  "import.why.shape": "not a conversation that this page knows",
  "import.why.empty": "has no message of text",
  "import.why.long": "has a message of more than 300,000 bytes",
  "import.why.many": "has more than 10,000 questions",
  "import.why.deleted": "was deleted here less than a day ago; try tomorrow",
  "import.why.refused": "the server did not take it",
  "import.unreadable.large": "The file has more than 100 MB. Split it into smaller parts.",
  "import.unreadable.not_json": "The file is not JSON. In ChatGPT's zip, take conversations.json.",
  "import.unreadable.newer": "The file is of a newer version of this page. Reload the page and try again.",
  "import.unreadable.unknown": "The file is JSON, but no export of ChatGPT or of this page.",
};
