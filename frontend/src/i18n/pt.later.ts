/** What is said in parts of the page that come later (ui/Later.tsx), and of errors: fetched behind the first words. */
import { ptBatches } from "./pt.batches";
import { ptDevice } from "./pt.device";
import { ptDocs } from "./pt.docs";
import { ptErrors } from "./pt.errors";
import { ptIdle } from "./pt.idle";
import { ptImports } from "./pt.imports";
import { ptKeys } from "./pt.keys";
import { ptMemories } from "./pt.memories";
import { ptMyData } from "./pt.mydata";
import { ptPictures } from "./pt.pictures";
import { ptSession } from "./pt.session";
import { ptSettings } from "./pt.settings";
import { ptUsage } from "./pt.usage";
import { ptVoice } from "./pt.voice";

export const ptLater = { ...ptBatches, ...ptDevice, ...ptDocs, ...ptErrors, ...ptIdle, ...ptImports, ...ptKeys, ...ptMemories, ...ptMyData, ...ptPictures, ...ptSession, ...ptSettings, ...ptUsage, ...ptVoice };
