// Fails if a package that users install has a known vulnerability. A registry without the audit endpoint is
// reported and is no failure: a mirror on a closed network has none.
import { capture } from './lib/capture.mjs';
import { root } from './lib/packages.mjs';

const { status, output } = await capture('npm', ['audit', '--omit=dev', '--json'], { cwd: root });
const report = readReport(output);

if (report?.metadata?.vulnerabilities === undefined) {
  console.log(
    `\nNOT AUDITED: the registry has not answered npm audit. Known vulnerabilities were not looked for.\n` +
      `${report?.message ?? report?.error?.summary ?? output.slice(0, 300)}\n`,
  );
} else {
  const { total } = report.metadata.vulnerabilities;
  console.log(`npm audit: ${total} vulnerabilities in what users install.`);
  for (const { name, severity, range } of Object.values(report.vulnerabilities ?? {})) {
    console.log(`  ${severity}: ${name} ${range}`);
  }
  process.exitCode = total === 0 ? 0 : status || 1;
}

/** npm may print warnings before the report. */
function readReport(text) {
  try {
    return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  } catch {
    return undefined;
  }
}
