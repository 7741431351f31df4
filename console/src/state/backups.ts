import type { BackupView } from "../api/types";

/** The newest run that came to its end; what became of its manifest since is another matter. Runs come newest first. */
export const lastGood = (runs: readonly BackupView[]): BackupView | undefined => runs.find((run) => run.ended_at !== undefined && run.manifest !== undefined && run.state !== "failed");

/** Those whose manifest can be restored from. */
export const keptOf = (runs: readonly BackupView[]): BackupView[] => runs.filter((run) => run.state === "kept");
