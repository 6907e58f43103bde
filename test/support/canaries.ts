// Texts that no log line, reply, error or other output may contain.

export const SECRET = 'cAnArY-secret-5b1f0c9d7e3a4421-0123456789';
export const API_KEY = 'cAnArY-api-key-7d2e';
export const PASSWORD = 'cAnArY-password-91ab';
export const SIGNATURE = 'cAnArY-4f6e-signature';
export const PROMPT = 'cAnArY prompt 2c8d';
