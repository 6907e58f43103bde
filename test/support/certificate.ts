import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function hasOpenssl(): boolean {
  try {
    return execFileSync('openssl', ['version']).length > 0;
  } catch {
    return false;
  }
}

/** Of `openssl ca`, which can set both dates, other than `openssl req` before 3.4. */
const CA_CONFIG = `[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
`;

/** A self-signed certificate for `localhost`, valid for a day, or until a day in 2020. */
export function createCertificate({ expired = false } = {}): {
  readonly key: Buffer;
  readonly cert: Buffer;
} {
  const cwd = mkdtempSync(join(tmpdir(), 'novita-certificate-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd, stdio: 'ignore' });
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-keyout', 'key.pem'];
  if (expired) {
    writeFileSync(join(cwd, 'ca.cnf'), CA_CONFIG);
    writeFileSync(join(cwd, 'index.txt'), '');
    openssl('req', ...options, ...subject, '-out', 'request.pem');
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
    const self = ['-selfsign', '-keyfile', 'key.pem', '-in', 'request.pem', '-out', 'cert.pem'];
    openssl('ca', '-batch', '-config', 'ca.cnf', '-notext', ...self, ...dates);
  } else {
    openssl('req', '-x509', ...options, ...subject, '-days', '1', '-out', 'cert.pem');
  }
  const read = (file: string) => readFileSync(join(cwd, file));
  const certificate = { key: read('key.pem'), cert: read('cert.pem') };
  rmSync(cwd, { recursive: true });
  return certificate;
}
