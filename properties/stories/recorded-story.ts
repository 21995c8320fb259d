/** What `index.json` says of a story beside its recorded streams. */
export interface RecordedStory {
  readonly tells: string;
  /** Of the job at the end. */
  readonly phase: string;
  /** Hash of the last event of the job's stream, so that a shortened file is seen. */
  readonly mergeHead: string;
  /** The same of its control stream; null when nobody asked anything of it. */
  readonly controlHead: string | null;
}
