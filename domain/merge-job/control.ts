/**
 * What other processes ask of a job's runner, in the stream `control-<jobId>`: a job's own stream has one writer.
 * A request counts only for the run that was under way when it was made.
 */
export type ControlRequest =
  | { readonly type: 'SuspendRequested'; readonly by: string; readonly why: string }
  | { readonly type: 'TerminateRequested'; readonly by: string; readonly why: string };
