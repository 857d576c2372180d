/** Why no broker has answered, and what may be done about it. Main thread. */
import { EXIT } from '../exit-codes.js';
import { CliError } from './cli-error.js';
import { type Server, TimedOut, TooLong } from './http.js';

/** They begin so; the rest of the text is OpenSSL's. */
const TLS_CODES = /^(ERR_SSL|EPROTO$)/;
const CERTIFICATE_CODES =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT)/;

/** The address as it is shown: without a slash at its end. */
export const shown = ({ url }: Server): string => url.href.replace(/\/$/, '');

export function nobodyAt(server: Server): CliError {
  return new CliError(
    `no broker answers at ${shown(server)}: is it running, and has it a listener.api? --url URL names another address`,
    EXIT.unreachable,
  );
}

/** @param error as `HttpClient.ask` and `readWhole` give it */
export function unreachable(error: unknown, server: Server): CliError {
  return new CliError(reasonOf(error, server), EXIT.unreachable);
}

function reasonOf(error: unknown, server: Server): string {
  const where = shown(server);
  if (error instanceof TimedOut)
    return `${where} has not answered in time; --timeout SECONDS waits for longer`;
  if (error instanceof TooLong) return `${where} answers with more than shardmq would`;
  const code = codeOf(error);
  const { hostname, protocol } = server.url;
  if (code === 'ECONNREFUSED') return nobodyAt(server).message;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `there is no host ${hostname}; --url URL names another address`;
  }
  if (CERTIFICATE_CODES.test(code)) {
    return (
      `the certificate of ${where} is not one to trust (${code}): ` +
      'NODE_EXTRA_CA_CERTS=FILE names who has signed it, --insecure takes any'
    );
  }
  if (TLS_CODES.test(code)) return `${where} does not speak TLS as it should (${code}); is it http://?`;
  if (code === 'ECONNRESET') {
    const other = protocol === 'https:' ? 'http' : 'https';
    return `${where} has closed the connection instead of answering; is it ${other}://?`;
  }
  const message = error instanceof Error && error.message !== '' ? error.message : code;
  return `${where} cannot be reached: ${message}; --url URL names another address`;
}

/** With several addresses of one name, of the first. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return String(error.code);
}
