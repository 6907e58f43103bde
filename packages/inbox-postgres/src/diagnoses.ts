// The table of errors: what each means, and what to do about it.

interface Diagnosis {
  /** SQLSTATEs, codes of Node.js or of a driver, and the two codes of errors.ts. */
  readonly codes?: RegExp;
  /** For errors without a code. */
  readonly messages?: RegExp;
  /** What failed; default: the message of the error. */
  readonly problem?: string;
  readonly action: string;
}

/** The first match counts. Messages are those of `pg` and of Node.js for errors without a code. */
const DIAGNOSES: readonly Diagnosis[] = [
  {
    messages: /^The server does not support SSL connections$/,
    problem: 'the server or a proxy before it does not support SSL, which the pool requires',
    action: 'Enable SSL on the server, or set ssl: false or sslmode=disable for a private network',
  },
  {
    codes: /^(DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|CERT_UNTRUSTED)$/,
    problem: 'the certificate of the server is signed by an authority that is not known here',
    action:
      'Pass its CA certificate: ssl: { ca: … } of the pool, sslrootcert or NODE_EXTRA_CA_CERTS',
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    problem: 'the certificate of the server is for another host name',
    action: 'Use the host name of the certificate, or set ssl: { servername: … } of the pool',
  },
  {
    codes: /^CERT_\w+$/,
    problem: 'the certificate of the server has expired or is not valid',
    action: 'Renew it, and check the clock of this machine',
  },
  {
    codes: /^(EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/,
    messages: /^There was an error establishing an SSL connection/,
    problem: 'the SSL handshake with the server failed',
    action: 'Check that the port is the one of PostgreSQL, and the TLS versions of both sides',
  },
  {
    codes: /^ENOENT$/,
    problem: 'the socket of the server, or a certificate file, does not exist',
    action: 'Check that the server runs, and the paths in host and ssl of the pool',
  },
  {
    codes: /^(EACCES|EPERM)$/,
    problem: 'this process may not use the socket of the server',
    action: 'Check the permissions of the socket and its folder, and any firewall',
  },
  {
    codes: /^28000$/,
    problem: 'the server rejected the role, or pg_hba.conf allows no such connection',
    action: 'Check that the connection string is set, its user, pg_hba.conf, and ssl of the pool',
  },
  {
    messages: /^(SASL: .*client password|Password must be)/,
    problem: 'the server requires a password, and the pool has none',
    action: 'Set the password in the connection string, in password of the pool, or in PGPASSWORD',
  },
  {
    messages: /^SASL: /,
    problem: 'the server and the client do not agree about the password',
    action: 'Check the password, and that no proxy changes the connection',
  },
  {
    messages: /^Cannot use a pool after calling end/,
    problem: 'the application has ended the pool',
    action: 'Call pool.end() after receiver.close()',
  },
  {
    messages:
      /^(timeout exceeded when trying to connect|Connection terminated due to connection timeout|timeout expired)$/,
    problem: 'no connection was ready within connectionTimeoutMillis of the pool',
    action:
      "Check that the host and port are PostgreSQL's and reachable, and that no firewall drops " +
      "packets. Otherwise raise the pool's max",
  },
  {
    codes: /^ECONNREFUSED$/,
    problem: 'the server refused the connection',
    action: 'Check that it runs, and its host and port',
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN)$/,
    problem: 'the host name of the server cannot be resolved',
    action: 'Check the name and the DNS',
  },
  {
    codes: /^08P01$/,
    problem: 'the server or a pooler rejected what the pool sent',
    action:
      'Behind PgBouncer, set statement_timeout with ALTER ROLE instead of in the pool, or add it to ' +
      'ignore_startup_parameters',
  },
  {
    codes: /^(E(HOST|NET)(UNREACH|DOWN)|EADDRNOTAVAIL|ETIMEDOUT|CONNECT_TIMEOUT)$/,
    problem: 'the server cannot be reached',
    action: 'Check its host and port, the network, and that no firewall drops packets',
  },
  {
    codes: /^(ECONNRESET|ECONNABORTED|EPIPE|08\w{3}|CONNECTION_\w+)$/,
    messages:
      /^(Connection terminated|Client has encountered a connection error|Client was closed)/,
    problem: 'the connection broke',
    action: 'If this repeats, check the network and the log of the server',
  },
  {
    codes: /^25P03$/,
    problem: 'the server ended a transaction that was idle for too long',
    action: 'Check whether this process was frozen',
  },
  {
    codes: /^57P0[12]$/,
    problem: 'the server ended the connection: a shutdown, a crash or an administrator',
    action: 'If this repeats, check the log of the server',
  },
  {
    codes: /^57P03$/,
    problem: 'the server is starting, or recovering from a crash',
    action: 'Wait: the inbox continues by itself',
  },
  {
    codes: /^53300$/,
    problem: 'the server has no connection left',
    action: 'Raise max_connections, use fewer processes or smaller pools, or add PgBouncer',
  },
  {
    codes: /^53100$/,
    problem: 'the disk of the server is full',
    action: 'Free some space',
  },
  {
    codes: /^53200$/,
    problem: 'the server is out of memory',
    action: 'Give it more memory or fewer connections',
  },
  {
    codes: /^(25P02|42704)$/,
    problem:
      'a connection was released to the pool in the middle of a transaction; it was closed, and ' +
      'nothing was written',
    action: 'Find the pool adapter or the handler that released it',
  },
  {
    codes: /^25006$/,
    problem: 'the server is read-only, as a standby is',
    action: 'Connect to the primary',
  },
  {
    codes: /^28\w{3}$/,
    problem: 'the server rejected the role or its password',
    action: 'Check user and password',
  },
  {
    codes: /^3D000$/,
    problem: 'the database does not exist',
    action: 'Create it, or correct its name',
  },
  {
    codes: /^42501$/,
    problem: 'the role lacks a privilege',
    action: 'Grant what the README lists, and let the owner of the schema run the migrations',
  },
  {
    codes: /^(3F000|42P01|42703|42883)$/,
    problem: 'a table or function of the schema is missing or was changed',
    action:
      'Restore it, or drop the whole schema: the inbox then creates an empty one, if the role may',
  },
  {
    codes: /^22\w{3}$/,
    problem: 'the server cannot store a value of the event',
    action: 'Check that the database has the encoding UTF8',
  },
  {
    codes: /^(55P03|57014)$/,
    problem: 'a statement took too long',
    action: 'Look in pg_stat_activity for sessions that hold locks',
  },
  {
    codes: /^(40001|40P01)$/,
    problem: 'other transactions changed the same rows at every try',
    action: 'If this repeats, set default_transaction_isolation to read committed',
  },
  {
    codes: /^(58\w{3}|XX\w{3})$/,
    problem: 'the server reported an internal error, or one of its files',
    action: 'Check its log at once',
  },
  {
    codes: /^POOL_TIMEOUT$/,
    action:
      "Raise the pool's max, find what keeps its connections, and check that the server is reachable",
  },
  {
    codes: /^QUERY_TIMEOUT$/,
    messages: /^Query read timeout$/,
    action: 'Check the network and the load of the server',
  },
];

/** Finds what an error means, by its code and its message. */
export function findDiagnosis(code: string, message: string): Diagnosis | undefined {
  return DIAGNOSES.find(({ codes, messages }) =>
    code === '' ? messages?.test(message) : codes?.test(code),
  );
}
