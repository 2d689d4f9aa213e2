import { ApiError, type Api } from "../api";
import { t } from "../i18n";
import { clock } from "../logic/clock";
import { mergeSessions } from "../logic/sessions";
import { afterwards, isInWork } from "../logic/work";
import { ending, endingWork, live, sessions, sessionsKnown, starting, usage } from "../state";
import type { Session } from "../types";
import { notify, report, reportBeside } from "./notices";

export function gotSessions(got: readonly Session[]): void {
  sessions.value = mergeSessions(sessions.value, got);
  if (ending.value && !live.value) ending.value = false;
  if (endingWork.value && !live.value) endingWork.value = null;
}

export function sessionActions(api: Api) {
  return {
    async refresh(): Promise<void> {
      try {
        gotSessions(await api.sessions());
        sessionsKnown.value = true;
      } catch (error) {
        if (!sessionsKnown.value) reportBeside(error);
      }
    },

    async refreshOne(id: string): Promise<void> {
      try {
        gotSessions([await api.session(id)]);
      } catch (error) {
        if (!(error instanceof ApiError && error.passing)) report(error);
      }
    },

    /** The page is whole without it: what cannot be fetched is not shown. */
    async refreshUsage(): Promise<void> {
      try {
        usage.value = await api.usage();
      } catch {
        usage.value = null;
      }
    },

    async start(allowOnDemand: boolean): Promise<void> {
      if (starting.value) return;
      starting.value = true;
      try {
        const before = clock.now();
        const session = await api.startSession(allowOnDemand ? { allow_on_demand: true } : {});
        gotSessions([session]);
        sessionsKnown.value = true;
        if (session.status !== "requested" && Date.parse(session.created_at) < before - 60_000) notify(t("gpu.joined"));
      } catch (error) {
        report(error);
      } finally {
        starting.value = false;
      }
    },

    /** Says what is in work first, if anything is. Where nobody can say, the GPU goes all the same. */
    async askToEnd(id: string): Promise<void> {
      if (ending.value) return;
      ending.value = true;
      const work = await api.sessionWork(id).catch(() => null);
      ending.value = false;
      if (work && isInWork(work)) endingWork.value = work;
      else await this.end(id);
    },

    async end(id: string): Promise<void> {
      if (ending.value) return;
      ending.value = true;
      endingWork.value = null;
      try {
        const { work, ...session } = await api.endSession(id);
        gotSessions([session]);
        const truth = afterwards(work);
        if (truth) notify(truth);
      } catch (error) {
        report(error);
      } finally {
        ending.value = false;
      }
    },
  };
}

export type SessionActions = ReturnType<typeof sessionActions>;
