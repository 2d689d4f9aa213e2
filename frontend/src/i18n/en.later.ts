/** What is said in parts of the page that come later (ui/Later.tsx), and of errors: fetched behind the first words. */
import { enBatches } from "./en.batches";
import { enDevice } from "./en.device";
import { enDocs } from "./en.docs";
import { enErrors } from "./en.errors";
import { enIdle } from "./en.idle";
import { enImports } from "./en.imports";
import { enKeys } from "./en.keys";
import { enMemories } from "./en.memories";
import { enMyData } from "./en.mydata";
import { enPictures } from "./en.pictures";
import { enSession } from "./en.session";
import { enSettings } from "./en.settings";
import { enUsage } from "./en.usage";
import { enVoice } from "./en.voice";

export const enLater = { ...enBatches, ...enDevice, ...enDocs, ...enErrors, ...enIdle, ...enImports, ...enKeys, ...enMemories, ...enMyData, ...enPictures, ...enSession, ...enSettings, ...enUsage, ...enVoice };
