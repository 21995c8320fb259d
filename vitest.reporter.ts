import type { Reporter, TestModule, Vitest } from 'vitest/node';

/**
 * Names the seed of the run first, and ends it with `N passed, N failed, N skipped`, alone on the last line.
 * What kept tests from running (a file that does not load, an error outside any test) counts as failed.
 */
export class ClosingLine implements Reporter {
  private closingLine = '';

  constructor(private readonly seed: string) {}

  onInit(vitest: Vitest): void {
    vitest.logger.log(`fast-check seed ${this.seed}; to replay: npm run properties -- --seed ${this.seed} [FILE]\n`);
    // At exit, because coverage and the end of watching print after the last hook.
    process.once('exit', () => {
      if (this.closingLine !== '') process.stdout.write(`${this.closingLine}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let skipped = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      const failedBefore = failed;
      for (const test of module.children.allTests()) {
        switch (test.result().state) {
          case 'passed':
            passed++;
            break;
          case 'skipped':
            skipped++;
            break;
          case 'failed':
          case 'pending': // It began and never ended: its worker died.
            failed++;
            break;
        }
      }
      if (module.state() === 'failed' && failed === failedBefore) failed++;
    }
    this.closingLine = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  }
}
