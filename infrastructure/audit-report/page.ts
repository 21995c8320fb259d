import type { AuditReport } from '#application/audit-report/report';
import { asBrowsersPrintIt, Html, markup, text } from './html.js';
import { images } from './images.js';
import { opening } from './opening.js';
import { PAGE_SCRIPT } from './page-script.js';
import { proof } from './proof.js';
import { story } from './story.js';
import { STYLES } from './styles.js';
import { nameIn } from './words.js';

/** What the page is sealed and closed with: hashes in base64 for its policy, a signature for what it shows. */
export interface PageTools {
  /** SHA-256 of the text, base64. */
  readonly sha256Base64: (source: string) => string;
  /** The line of JSON that seals what the page shows, in its head, its main part and its footer; given as a browser prints it. */
  readonly seal: (view: string) => string;
}

export const PAGE_BEGINNING = '<!doctype html>\n';
export const VIEW_OPENS = '<main>';
export const VIEW_CLOSES = '</main>';
export const TRAIL_OPENS = '<script type="application/gzip" id="trail">\n';
export const TRAIL_CLOSES = '</script>\n';

/**
 * The page in two parts; between them comes the trail, gzip in lines of base64. It asks nobody for anything: styles and script are
 * in it, and its policy allows these two and nothing else.
 */
export const reportPage = (
  report: AuditReport,
  tools: PageTools,
): { readonly before: string; readonly after: string } => {
  const view = markup`
${opening(report)}
${story(report)}${images(report)}${proof(report)}`;
  const [head, checker] = [headOf(report, tools), checking(report)];
  const sealed = tools.seal(asBrowsersPrintIt(markup`${head}${view}${checker}`));
  const before = markup`${new Html(PAGE_BEGINNING)}<html lang="en">
<head>${head}</head>
<body>
${new Html(VIEW_OPENS)}${view}${new Html(VIEW_CLOSES)}
<footer>${checker}</footer>
<script type="application/json" id="seal">${new Html(sealed)}</script>
${new Html(TRAIL_OPENS)}`;
  const after = markup`${new Html(TRAIL_CLOSES)}<script>${new Html(PAGE_SCRIPT)}</script>
</body>
</html>
`;
  return { before: before.source, after: after.source };
};

const headOf = (report: AuditReport, tools: PageTools): Html => markup`
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(tools)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${text(titleOf(report))}</title>
<style>${new Html(STYLES)}</style>
`;

/** These two and nothing else: no other style or script, no picture, font, frame, form or request. */
const policy = ({ sha256Base64 }: PageTools): Html =>
  new Html(
    `default-src 'none'; style-src 'sha256-${sha256Base64(STYLES)}'; script-src 'sha256-${sha256Base64(PAGE_SCRIPT)}'; base-uri 'none'; form-action 'none'`,
  );

const titleOf = ({ jobId, request }: AuditReport): string =>
  request === null
    ? `Audit report: job ${jobId}`
    : `Audit report: ${nameIn(request.source)} into ${nameIn(request.destination)}`;

const checking = ({ jobId }: AuditReport): Html =>
  markup`
    <h2>How to check this page</h2>
    <div id="checker" hidden="">
      <button type="button" id="check">Check in this browser</button>
      <div id="result" role="status"></div>
    </div>
    <p>
      This page holds the record of the job as far as it is right, and is signed. Whoever has it can check it without
      the journal and without a network:
    </p>
    <p><code>chainfold audit --file PAGE --key KEY.pem</code></p>
    <p>
      That checks every byte of the page, every event and every signature, with a program that is not part of the page.
      The button on the screen checks the record and what is shown, but a forged page could bring a forged button; so
      for a verdict that matters use the program, with the public key of whoever ran the merge. What the disk holds now
      is compared with <code>chainfold audit ${text(jobId)} --data</code>, where the journal is.
    </p>
  `;
