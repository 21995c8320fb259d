import type { Program } from '../container/compose.js';
import { BarView } from './bar-view.js';
import { NdjsonView } from './ndjson-view.js';
import type { OutputOptions } from './output-options.js';
import { PlainView } from './plain-view.js';
import { silentView, type RunView } from './run-view.js';
import type { Terminal } from './terminal.js';

export const makeView = (toShow: {
  readonly program: Program;
  readonly terminal: Terminal;
  readonly output: OutputOptions;
}): RunView => {
  const { program, terminal, output } = toShow;
  if (output.quiet) return silentView;
  if (output.json) return new NdjsonView(terminal.out, program.ports.store);
  return terminal.out.isTerminal ? new BarView(terminal.out) : new PlainView(terminal.out, program.ports);
};
